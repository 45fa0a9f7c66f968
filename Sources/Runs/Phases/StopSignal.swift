import CHost
import Glibc
import Synchronization

/// The wish to stop: SIGTERM, SIGINT, SIGHUP or SIGUSR1, noted by the handler and asked for by training when it may stop.
///
/// Signals belong to the process, so this is the one thing that ranks do not get passed down. SIGUSR1 is what launchers pass on
/// to their ranks without ending them (cluster/README.md, traps 13 to 15).
package enum StopSignal {
  /// The signals that are listened to.
  static let signals = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGUSR1, "SIGUSR1"), (SIGHUP, "SIGHUP")]
  private static let received = Atomic<Int32>(0)
  private static let lastWords: StaticString =
    "\nprecise: ended at once, at the second Ctrl-C; go on from the newest checkpoint with --resume\n"

  /// Listens from now on; a second SIGINT then ends the process at once, as it would without listening.
  package static func listen() {
    // The handler must find it made.
    received.store(0, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { signal in
      let first = StopSignal.received.exchange(signal, ordering: .relaxed)
      guard signal == SIGINT && first == SIGINT else { return }
      // Behind whatever stands on the terminal's last line.
      _ = write(STDERR_FILENO, StopSignal.lastWords.utf8Start, StopSignal.lastWords.utf8CodeUnitCount)
      _exit(128 + SIGINT)
    }
    // What waits for a disk or a peer goes on waiting.
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    var listened = sigset_t()
    sigemptyset(&listened)
    for (signal, _) in signals {
      // nohup wants the training to outlive its terminal.
      if signal == SIGHUP && chost_ignores(signal) != 0 { continue }
      sigaction(signal, &action, nil)
      sigaddset(&listened, signal)
    }
    // Whoever started us may have blocked them; threads that are made later listen as this one does.
    pthread_sigmask(SIG_UNBLOCK, &listened, nil)
  }

  /// Whether somebody wants training to stop.
  package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The last signal's name.
  package static var name: String? {
    let number = received.load(ordering: .relaxed)
    return signals.first { $0.0 == number }?.1
  }
}

/// A run that was stopped where there is nothing to save.
package struct StoppedEarly: Error, CustomStringConvertible {
  private let occasion: String

  /// Stopped before a step was made, or elsewhere: `occasion` says when, and what there is.
  package init(_ occasion: String = "before a step was made; there is nothing to save") { self.occasion = occasion }

  /// One sentence.
  package var description: String { "stopped by \(StopSignal.name ?? "a signal") \(occasion), go on with --resume" }
}
