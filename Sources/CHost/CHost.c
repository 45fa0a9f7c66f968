#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int chost_exchange(const char *one, const char *other) {
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int chost_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

int chost_set_direct(int file, int is_direct) {
  int flags = fcntl(file, F_GETFL);
  if (flags < 0) return errno;
  return fcntl(file, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 ? 0 : errno;
}

int chost_ignores(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static const char *page_sentence;
static int page_status;

static void on_missing_page(int number, siginfo_t *about, void *context) {
  (void)context;
  if (about->si_code == BUS_ADRERR || about->si_code == BUS_OBJERR) {
    ssize_t written = write(STDERR_FILENO, page_sentence, strlen(page_sentence));
    (void)written;
    _exit(page_status);
  }
  signal(number, SIG_DFL);
}

void chost_end_on_missing_page(const char *sentence, int status) {
  page_sentence = sentence;
  page_status = status;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_missing_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
