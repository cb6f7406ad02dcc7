#include "attar/status.h"

#define ATTAR_STATUS_NAME(code, name) name,
static const char *const names[] = {ATTAR_STATUS_TABLE(ATTAR_STATUS_NAME)};
#undef ATTAR_STATUS_NAME

const char *attar_status_name(attar_status status)
{
    int code = (int)status;
    return code >= 0 && code < (int)ATTAR_STATUS_COUNT ? names[code] : "unknown";
}
