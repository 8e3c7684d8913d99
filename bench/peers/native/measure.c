// Runs a command with its output thrown away and prints what it took: {"code","wall","cpu","rss"}, seconds and KiB.
//   cc -O2 -o measure measure.c;  measure SECONDS COMMAND ARGUMENT...   (killed after SECONDS: code -1)
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static pid_t child;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }
static void late(int signal) { (void)signal; kill(child, SIGKILL); }
int main(int count, char **values) {
  if (count < 3) return 2;
  double start = now();
  if (!(child = fork())) {
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
    execvp(values[2], values + 2);
    _exit(127);
  }
  signal(SIGALRM, late);
  alarm(atoi(values[1]));
  int status;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) {}
  printf("{\"code\":%d,\"wall\":%.4f,\"cpu\":%.3f,\"rss\":%ld}\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
    now() - start, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
  return 0;
}
