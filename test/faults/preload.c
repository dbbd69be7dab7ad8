/*
 * Makes the calls of one process on files below one folder fail, end it, or freeze it; and sets its clock. Loaded by
 * LD_PRELOAD, so that it reaches libuv and every native library too. What is to happen stands in the environment:
 *
 *     FAULT_FOLDER  the absolute path of the folder
 *     FAULT_CALL    open, write, fsync, rename, link, mkdir, or any
 *     FAULT_NUMBER  which of these calls, from 1; 0: none, only count
 *     FAULT_KIND    ENOSPC, EIO, short (half of a write, then ENOSPC), kill (before the call), killAfter, stop
 *     FAULT_LASTING 1: all calls of that kind from then on, until FAULT_UNTIL exists
 *     FAULT_COUNT   a file that gets the number of calls when the process ends
 *     FAULT_DONE    a file that is made when the fault has happened
 *     FAULT_CLOCK   seconds by which the wall clock jumps, and after how many of its readings: "-3600@100"
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *folder, *wanted, *kind, *until, *done;
static long number, lasting;
static long count;
static long jump, jumpAt = -1, readings;

static void note(const char *path, const char *text) {
  if (path == NULL) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (fd < 0) return;
  syscall(SYS_write, fd, text, strlen(text));
  syscall(SYS_close, fd);
}

__attribute__((constructor)) static void begin(void) {
  folder = getenv("FAULT_FOLDER");
  wanted = getenv("FAULT_CALL");
  kind = getenv("FAULT_KIND");
  until = getenv("FAULT_UNTIL");
  done = getenv("FAULT_DONE");
  const char *text = getenv("FAULT_NUMBER");
  number = text == NULL ? 0 : atol(text);
  text = getenv("FAULT_LASTING");
  lasting = text != NULL && *text == '1';
  text = getenv("FAULT_CLOCK");
  if (text != NULL) sscanf(text, "%ld@%ld", &jump, &jumpAt);
}

__attribute__((destructor)) static void end(void) {
  char text[32];
  snprintf(text, sizeof text, "%ld\n", __atomic_load_n(&count, __ATOMIC_RELAXED));
  note(getenv("FAULT_COUNT"), text);
}

static int inFolder(const char *path) {
  return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int fdInFolder(int fd) {
  char link[64], path[PATH_MAX];
  if (folder == NULL || fd <= 2) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return inFolder(path);
}

enum { pass, refuse, half, after };

/* What is to happen with this call; ends or freezes the process itself. */
static int decide(const char *call) {
  if (wanted == NULL || (strcmp(wanted, "any") != 0 && strcmp(wanted, call) != 0)) return pass;
  long n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
  if (number == 0 || kind == NULL) return pass;
  if (n != number && !(lasting && n > number)) return pass;
  if (lasting && until != NULL && syscall(SYS_faccessat, AT_FDCWD, until, F_OK) == 0) return pass;
  note(done, call);
  if (strcmp(kind, "kill") == 0) raise(SIGKILL);
  if (strcmp(kind, "stop") == 0) {
    raise(SIGSTOP);
    return pass;
  }
  if (strcmp(kind, "killAfter") == 0) return after;
  if (strcmp(kind, "short") == 0) return strcmp(call, "write") == 0 ? half : pass;
  errno = strcmp(kind, "EIO") == 0 ? EIO : ENOSPC;
  return refuse;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define END(result)                 \
  do {                              \
    __typeof__(result) r = result;  \
    if (what == after) raise(SIGKILL); \
    return r;                       \
  } while (0)

#define OPEN(name)                                              \
  int name(const char *path, int flags, ...) {                  \
    va_list list;                                               \
    va_start(list, flags);                                      \
    mode_t mode = va_arg(list, mode_t);                         \
    va_end(list);                                               \
    int what = inFolder(path) ? decide("open") : pass;          \
    if (what == refuse) return -1;                              \
    END(REAL(name)(path, flags, mode));                         \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
  int name(int at, const char *path, int flags, ...) {          \
    va_list list;                                               \
    va_start(list, flags);                                      \
    mode_t mode = va_arg(list, mode_t);                         \
    va_end(list);                                               \
    int what = inFolder(path) ? decide("open") : pass;          \
    if (what == refuse) return -1;                              \
    END(REAL(name)(at, path, flags, mode));                     \
  }
OPENAT(openat)
OPENAT(openat64)

/* Half of a write succeeds; the next one finds the disk full. */
static __thread int fullNext;

#define WRITE(name, arguments, forwarded, halved)               \
  ssize_t name arguments {                                      \
    if (!fdInFolder(fd)) return REAL(name) forwarded;           \
    if (fullNext) {                                             \
      fullNext = 0;                                             \
      errno = ENOSPC;                                           \
      return -1;                                                \
    }                                                           \
    int what = decide("write");                                 \
    if (what == refuse) return -1;                              \
    if (what == half) {                                         \
      fullNext = 1;                                             \
      halved;                                                   \
    }                                                           \
    END(REAL(name) forwarded);                                  \
  }
WRITE(write, (int fd, const void *bytes, size_t size), (fd, bytes, size), return REAL(write)(fd, bytes, size / 2))
WRITE(pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), return REAL(pwrite)(fd, bytes, size / 2, at))
WRITE(pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at), return REAL(pwrite64)(fd, bytes, size / 2, at))
WRITE(writev, (int fd, const struct iovec *parts, int many), (fd, parts, many), return REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2))
WRITE(pwritev, (int fd, const struct iovec *parts, int many, off_t at), (fd, parts, many, at), return REAL(pwrite)(fd, parts[0].iov_base, parts[0].iov_len / 2, at))
WRITE(pwritev64, (int fd, const struct iovec *parts, int many, off64_t at), (fd, parts, many, at), return REAL(pwrite64)(fd, parts[0].iov_base, parts[0].iov_len / 2, at))

#define SYNC(name)                                              \
  int name(int fd) {                                            \
    int what = fdInFolder(fd) ? decide("fsync") : pass;         \
    if (what == refuse) return -1;                              \
    END(REAL(name)(fd));                                        \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
  int what = inFolder(to) ? decide("rename") : pass;
  if (what == refuse) return -1;
  END(REAL(rename)(from, to));
}

int link(const char *from, const char *to) {
  int what = inFolder(to) ? decide("link") : pass;
  if (what == refuse) return -1;
  END(REAL(link)(from, to));
}

int mkdir(const char *path, mode_t mode) {
  int what = inFolder(path) ? decide("mkdir") : pass;
  if (what == refuse) return -1;
  END(REAL(mkdir)(path, mode));
}

static void shift(time_t *seconds) {
  if (jumpAt >= 0 && __atomic_add_fetch(&readings, 1, __ATOMIC_RELAXED) > jumpAt) *seconds += jump;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = REAL(clock_gettime)(clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) shift(&now->tv_sec);
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = REAL(gettimeofday)(now, zone);
  if (result == 0) shift(&now->tv_sec);
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
