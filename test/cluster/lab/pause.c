/* Holds a pod's namespaces open and reaps what is left to it. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void) {
  sigset_t signals;
  int signal;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  while (sigwait(&signals, &signal) == 0 && signal == SIGCHLD)
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
  return 0;
}
