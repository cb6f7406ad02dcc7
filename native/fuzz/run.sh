#!/bin/sh
# Builds and runs every fuzz target, one after another: sh native/fuzz/run.sh FOLDER-OF-PYTHON SECONDS
# Inputs that reach something new gather in build/fuzz/found, crashes in build/fuzz/crashes; exit status 1 after one.
# What is worth keeping of them, for the tests to replay:
#     build/fuzz/fuzz/fuzz_NAME -merge=1 -use_counters=0 native/fuzz/corpus/NAME build/fuzz/found/NAME
set -eu
PATH=$(cd "$1" && pwd):$PATH
seconds=$2
cd "$(dirname "$0")/../.."
build=build/fuzz
compiler=$(command -v clang || command -v cc)
mutations=$((seconds * 5000)) # for the replay programs, which know no time

cmake -S native -B $build -G Ninja -DATTAR_FUZZ=ON -DCMAKE_C_COMPILER="$compiler" >$build.log
cmake --build $build >>$build.log
python native/fuzz/seeds.py $build/seeds

status=0
for source in native/fuzz/targets/*.c; do
    name=$(basename "$source" .c)
    mkdir -p $build/found/$name $build/seeds/$name native/fuzz/corpus/$name $build/crashes
    echo "== $name"
    $build/fuzz/fuzz_$name -max_total_time="$seconds" -mutations=$mutations -max_len=4096 -timeout=10 \
        -print_final_stats=1 -artifact_prefix=$build/crashes/$name- \
        $build/found/$name native/fuzz/corpus/$name $build/seeds/$name 2>$build/$name.log || status=1
    grep -E 'DONE|SUMMARY|runtime error|crash' $build/$name.log || true
done
exit $status
