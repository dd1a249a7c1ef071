/*
 * A disk that fails, for tests: preloaded into a process, it wraps the C library.
 *
 * FAULTY_DISK_PLAN names a file. While it holds "<call> <errno> <end>", every such call (write, fsync or open-for-writing)
 * on a file whose path ends so fails with that error. FAULTY_DISK_SYNCED names a folder that is to hold, for each file
 * below FAULTY_DISK_ROOT, only what was there when it was last synced: all that a power cut is sure to leave.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int ends_with(const char *text, const char *end) {
  size_t a = strlen(text), b = strlen(end);
  return a >= b && strcmp(text + a - b, end) == 0;
}

/* The path of an open file below the root; 0 where it is another's. */
static int path_of(int fd, char *path, size_t size) {
  const char *root = getenv("FAULTY_DISK_ROOT");
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (root == NULL || length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, root, strlen(root)) == 0;
}

/* The planned error of a call, or 0. */
static int planned(const char *call, const char *path) {
  const char *name = getenv("FAULTY_DISK_PLAN");
  char text[256], which[32], end[128];
  int number = 0;
  if (name == NULL) return 0;
  int file = NEXT(open)(name, O_RDONLY);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  if (sscanf(text, "%31s %d %127s", which, &number, end) != 3) return 0;
  return strcmp(which, call) == 0 && ends_with(path, end) ? number : 0;
}

static int fails(const char *call, int fd) {
  char path[4096];
  int kept = errno;
  int number = path_of(fd, path, sizeof path) ? planned(call, path) : 0;
  errno = number ? number : kept;
  return number != 0;
}

/* What was written to a file since it was last synced. */
struct range { ino_t inode; off_t from, to; struct range *next; };
static struct range *unsynced;

/* Where the image is kept; NULL where none is. */
static const char *image_folder(void) {
  const char *folder = getenv("FAULTY_DISK_SYNCED");
  return folder && *folder ? folder : NULL;
}

static void wrote(int fd, off_t from, off_t to) {
  struct stat about;
  char path[4096];
  int kept = errno;
  if (image_folder() && to > from && path_of(fd, path, sizeof path) && fstat(fd, &about) == 0) {
    pthread_mutex_lock(&lock);
    if (unsynced && unsynced->inode == about.st_ino && unsynced->to == from) {
      unsynced->to = to;
    } else {
      struct range *range = malloc(sizeof *range);
      *range = (struct range){about.st_ino, from, to, unsynced};
      unsynced = range;
    }
    pthread_mutex_unlock(&lock);
  }
  errno = kept;
}

static void copy(int source, int target, off_t from, off_t to) {
  char bytes[65536];
  while (from < to) {
    size_t most = to - from < (off_t)sizeof bytes ? (size_t)(to - from) : sizeof bytes;
    ssize_t got = pread(source, bytes, most, from);
    if (got <= 0) return;
    NEXT(pwrite64)(target, bytes, got, from);
    from += got;
  }
}

/* Takes what a file has unsynced off the list. */
static struct range *detach(ino_t inode) {
  struct range *mine = NULL;
  pthread_mutex_lock(&lock);
  for (struct range **at = &unsynced; *at != NULL;) {
    struct range *range = *at;
    if (range->inode == inode) {
      *at = range->next;
      range->next = mine;
      mine = range;
    } else {
      at = &range->next;
    }
  }
  pthread_mutex_unlock(&lock);
  return mine;
}

/* Brings what was written before to the image where the disk has it now. What could not be synced is lost: Linux forgets it. */
static void settle(int fd, const char *path, struct range *ranges, int synced) {
  struct stat about, image_about;
  char image[8192], own[64];
  snprintf(image, sizeof image, "%s/%s", image_folder(), strrchr(path, '/') + 1);
  snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
  int source = NEXT(open)(own, O_RDONLY);
  int target = NEXT(open)(image, O_WRONLY | O_CREAT, 0644);
  while (ranges != NULL) {
    struct range *range = ranges;
    if (synced) copy(source, target, range->from, range->to);
    ranges = range->next;
    free(range);
  }
  if (synced && fstat(fd, &about) == 0 && fstat(target, &image_about) == 0 && image_about.st_size > about.st_size) {
    NEXT(ftruncate64)(target, about.st_size);
  }
  close(source);
  close(target);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  if (fails("write", fd)) return -1;
  ssize_t done = NEXT(pwrite64)(fd, bytes, count, at);
  wrote(fd, at, at + (done > 0 ? done : 0));
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
  if (fails("write", fd)) return -1;
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = NEXT(write)(fd, bytes, count);
  if (at >= 0) wrote(fd, at, at + (done > 0 ? done : 0));
  return done;
}

int ftruncate64(int fd, off64_t length) { return fails("write", fd) ? -1 : NEXT(ftruncate64)(fd, length); }

int fsync(int fd) {
  struct stat about;
  char path[4096];
  int kept = errno;
  int watched = image_folder() && path_of(fd, path, sizeof path) && fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  struct range *ranges = watched ? detach(about.st_ino) : NULL;
  errno = kept;
  int result = fails("fsync", fd) ? -1 : NEXT(fsync)(fd);
  kept = errno;
  if (watched) settle(fd, path, ranges, result == 0);
  errno = kept;
  return result;
}

int fdatasync(int fd) { return fsync(fd); }

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  int number = (flags & (O_WRONLY | O_RDWR)) && path[0] == '/' ? planned("open", path) : 0;
  if (number) {
    errno = number;
    return -1;
  }
  return NEXT(open64)(path, flags, mode);
}

/* Lasting at once: what is synced after it takes it along on the file systems that are in use. */
int unlink(const char *path) {
  const char *root = getenv("FAULTY_DISK_ROOT"), *folder = image_folder();
  char image[8192];
  if (root && folder && strncmp(path, root, strlen(root)) == 0) {
    snprintf(image, sizeof image, "%s/%s", folder, strrchr(path, '/') + 1);
    NEXT(unlink)(image);
  }
  return NEXT(unlink)(path);
}
