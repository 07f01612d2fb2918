/* Dies at a chosen call: loaded into a process beforehand (LD_PRELOAD), this counts the calls that change files (writes
   into regular files, forcing to the disk, names given and taken away) in all libraries alike, HDF5's and Arrow's too.
   At the call that was chosen half of what was to be written is written, and SIGKILL is sent to the process group. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls = 0;
static long chosen = 0;

__attribute__((constructor)) static void begin(void) { /* workers, which are started afresh, are told by this name */
    const char *text = getenv("KILLS_AT");
    if (text) chosen = atol(text);
}

void kills_arm(long at) { chosen = at; calls = 0; }
long kills_count(void) { return calls; }

static int now(void) { return atomic_fetch_add(&calls, 1) + 1 == chosen; }
static void die(void) { kill(0, SIGKILL); for (;;) pause(); }
static int file(int place) { struct stat s; return fstat(place, &s) == 0 && S_ISREG(s.st_mode); }

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int place, const void *from, size_t size) {
    REAL(write);
    if (file(place) && now()) { real(place, from, size / 2); die(); }
    return real(place, from, size);
}
ssize_t pwrite(int place, const void *from, size_t size, off_t at) {
    REAL(pwrite);
    if (now()) { real(place, from, size / 2, at); die(); }
    return real(place, from, size, at);
}
ssize_t pwrite64(int place, const void *from, size_t size, off64_t at) {
    REAL(pwrite64);
    if (now()) { real(place, from, size / 2, at); die(); }
    return real(place, from, size, at);
}
ssize_t writev(int place, const struct iovec *from, int count) {
    REAL(writev);
    if (file(place) && now()) { real(place, from, count / 2); die(); }
    return real(place, from, count);
}
int fsync(int place) { REAL(fsync); if (now()) die(); return real(place); }
int fdatasync(int place) { REAL(fdatasync); if (now()) die(); return real(place); }
int ftruncate(int place, off_t size) { REAL(ftruncate); if (now()) die(); return real(place, size); }
int ftruncate64(int place, off64_t size) { REAL(ftruncate64); if (now()) die(); return real(place, size); }
int rename(const char *from, const char *to) { REAL(rename); if (now()) die(); return real(from, to); }
int link(const char *from, const char *to) { REAL(link); if (now()) die(); return real(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat);
    if (now()) die();
    return real(a, from, b, to, flags);
}
int unlink(const char *path) { REAL(unlink); if (now()) die(); return real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); if (now()) die(); return real(path, mode); }
