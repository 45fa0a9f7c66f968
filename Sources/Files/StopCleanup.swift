import CHost
import Glibc

/// What a command does that is stopped by a signal and has nothing to save.
public enum StopCleanup {
  /// From now on SIGINT, SIGTERM and SIGHUP remove what this process has under temporary names before they end it, as they would
  /// without.
  ///
  /// A thread of its own waits for them, since nothing may be removed in a handler. To be called before other threads are started:
  /// they inherit that these signals are not for them. A signal that is ignored (`nohup`, a script's `&`) stays so.
  public static func begin() {
    var (set, before) = (signals, sigset_t())
    pthread_sigmask(SIG_BLOCK, &set, &before)
    var thread = pthread_t()
    let failure = pthread_create(&thread, nil, { _ in StopCleanup.wait() }, nil)
    // Without the thread, signals end the process at once.
    if failure == 0 { pthread_detach(thread) } else { pthread_sigmask(SIG_SETMASK, &before, nil) }
  }

  /// Blocked, an ignored signal would wait like the others.
  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP] where chost_ignores(signal) == 0 { sigaddset(&set, signal) }
    return set
  }

  private static func wait() -> Never {
    var set = signals
    var number: Int32 = 0
    while sigwait(&set, &number) != 0 {}
    Temporary.removeAllForGood {
      signal(number, SIG_DFL)
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
      raise(number)
      _exit(128 + number)
    }
  }
}
