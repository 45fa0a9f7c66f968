import Glibc

/// Signals as letters: they wait until they are read, and no handler runs.
///
/// Works as process 1 of a container too, where unblocked signals without a handler are lost.
struct Mailbox {
  private var signals = sigset_t()

  /// Takes these signals in from now on, for the calling thread and those it starts later.
  init(_ numbers: [Int32]) {
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// The next signal, waited for at most so long; nil when none came.
  func next(within seconds: Double) -> Int32? {
    var (signals, information) = (signals, siginfo_t())
    let whole = seconds.rounded(.down)
    var time = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
    let number = sigtimedwait(&signals, &information, &time)
    return number > 0 ? number : nil
  }
}
