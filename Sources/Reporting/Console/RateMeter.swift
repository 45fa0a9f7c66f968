import Glibc

/// How fast something goes now: an average in which what lies further back than a quarter of a minute hardly counts.
///
/// Amounts and seconds fade alike, by `e^(-dt / 15 s)`, and the rate is their quotient: from the first update on it is the mean of what was
/// measured, and never an average that has yet to warm up. The first piece of work is left out as soon as there is a second: it fills caches,
/// takes memory and is no measure for the rest. Ours.
package struct RateMeter: Sendable {
  private static let memory = 15.0
  private var time: Double
  private var completed: Int
  private var amount = 0.0
  private var seconds = 0.0
  private var pieces = 0

  /// Starts at a time in seconds.
  package init(time: Double = 0, completed: Int = 0) {
    self.time = time
    self.completed = completed
  }

  /// Units a second; 0 until something was done.
  package var rate: Double { seconds > 0 ? amount / seconds : 0 }

  /// Notes how much is done by now.
  package mutating func update(time now: Double, completed done: Int) {
    guard now > time else { return }
    add(Double(done - completed), seconds: now - time)
    (time, completed) = (now, done)
  }

  /// Notes a piece of work and how long it took.
  package mutating func add(_ piece: Double, seconds passed: Double) {
    guard passed > 0 else { return }
    if pieces == 1 { (amount, seconds) = (0, 0) }
    pieces += 1
    let fading = exp(-passed / Self.memory)
    amount = fading * amount + piece
    seconds = fading * seconds + passed
  }
}

/// When a line of progress is due: ten times a second on a terminal, every ten seconds elsewhere.
///
/// A terminal gets its first line at once; a pipe waits, so that short work leaves one line.
package struct DrawingPace: Sendable {
  private let seconds: Double
  private var drawnAt: Double

  /// Starts at a time in seconds.
  package init(isTerminal: Bool, from time: Double) {
    (seconds, drawnAt) = isTerminal ? (0.1, -.infinity) : (10, time)
  }

  /// Whether it is time.
  package func isDue(_ now: Double) -> Bool { now - drawnAt >= seconds }

  /// Notes that a line was drawn.
  package mutating func note(_ now: Double) { drawnAt = now }
}
