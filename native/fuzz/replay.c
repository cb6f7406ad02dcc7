/* Where there is no libFuzzer: runs a target over the files of folders, then over mutations of them, always the same
 * ones. The flags that it knows are written as libFuzzer's, and other flags are passed over.
 *
 *     replay [-mutations=COUNT] [-artifact_prefix=PREFIX] FOLDER...
 *
 * Exit status 0 if the target never complained; what it complained about is kept as PREFIXcrash. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 16, PATH_SIZE = 4096, EDITS_MAX = 4, EXTENSION_MAX = 1000 };

typedef struct corpus_file {
    uint8_t *bytes;
    size_t size;
} corpus_file;

static corpus_file *corpus;
static size_t corpus_size;
static uint8_t input[INPUT_MAX];
static size_t input_size;
static const char *artifact_prefix = "";

/* Both sanitizers end by SIGABRT, so that the input can be kept. The targets allocate nothing that could leak. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "abort_on_error=1:detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void keep_input(int number)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%scrash", artifact_prefix);
    FILE *file = fopen(path, "wb");
    if (file != NULL) {
        fwrite(input, 1, input_size, file);
        fclose(file);
    }
    fprintf(stderr, "signal %d; the input is in %s\n", number, path);
    _exit(1);
}

static void run(void)
{
    (void)LLVMFuzzerTestOneInput(input, input_size);
}

static void load_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    input_size = fread(input, 1, INPUT_MAX, file);
    fclose(file);
    corpus = realloc(corpus, (corpus_size + 1) * sizeof *corpus);
    FUZZ_CHECK(corpus != NULL);
    corpus[corpus_size].bytes = fuzz_copy_of(input, input_size);
    corpus[corpus_size].size = input_size;
    corpus_size++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In the order of names: the mutations must not depend on the file system. */
static void load_folder(const char *folder)
{
    struct dirent **entries;
    char path[PATH_SIZE];
    int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0) {
        perror(folder);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        load_file(path);
        free(entries[i]);
    }
    free(entries);
}

static size_t random_below(size_t limit)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return limit == 0 ? 0 : (size_t)(state >> 33) % limit;
}

static const corpus_file *any_file(void)
{
    return &corpus[random_below(corpus_size)];
}

static void load_input(const corpus_file *file)
{
    for (size_t i = 0; i < file->size; i++)
        input[i] = file->bytes[i];
    input_size = file->size;
}

static void cut_end(void)
{
    input_size = random_below(input_size);
}

static void flip_bit(void)
{
    size_t at = random_below(input_size);
    input[at] = (uint8_t)(input[at] ^ 1u << random_below(8));
}

/* Often one of the bytes at which something changes: 0, the end of a varint, the largest. */
static void set_byte(void)
{
    static const uint8_t special[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    size_t choice = random_below(2 * sizeof special);
    input[random_below(input_size)] = (uint8_t)(choice < sizeof special ? special[choice] : random_below(256));
}

/* From somewhere on, the bytes of another file from there on. */
static void splice(void)
{
    const corpus_file *other = any_file();
    size_t at = random_below(input_size);
    for (size_t i = at; i < other->size; i++)
        input[i] = other->bytes[i];
    input_size = at > other->size ? at : other->size;
}

/* The corpus is minimal: many of its inputs end long before their count. */
static void extend(void)
{
    for (size_t left = random_below(EXTENSION_MAX); left > 0 && input_size < INPUT_MAX; left--)
        input[input_size++] = (uint8_t)random_below(256);
}

static void mutate(void)
{
    static void (*const edits[])(void) = {cut_end, flip_bit, flip_bit, set_byte, set_byte, splice, extend};
    for (size_t left = 1 + random_below(EDITS_MAX); left > 0 && input_size > 0; left--)
        edits[random_below(sizeof edits / sizeof *edits)]();
}

static const char *value_of(const char *argument, const char *flag)
{
    size_t length = strlen(flag);
    return strncmp(argument, flag, length) == 0 ? argument + length : NULL;
}

int main(int argc, char **argv)
{
    unsigned long mutations = 0;
    for (int i = 1; i < argc; i++) {
        const char *count = value_of(argv[i], "-mutations=");
        const char *prefix = value_of(argv[i], "-artifact_prefix=");
        mutations = count != NULL ? strtoul(count, NULL, 10) : mutations;
        artifact_prefix = prefix != NULL ? prefix : artifact_prefix;
        if (argv[i][0] != '-')
            load_folder(argv[i]);
    }
    signal(SIGABRT, keep_input);
    for (size_t i = 0; i < corpus_size; i++) {
        load_input(&corpus[i]);
        run();
    }
    if (corpus_size == 0)
        mutations = 0;
    for (unsigned long i = 0; i < mutations; i++) {
        load_input(any_file());
        mutate();
        run();
    }
    printf("%zu files and %lu mutations\n", corpus_size, mutations);
    return 0;
}
