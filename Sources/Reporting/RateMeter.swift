import Glibc

/// How fast something goes now: an average in which what lies further back than a quarter of a minute hardly counts.
///
/// `rate += (1 - e^(-dt / 15 s)) (newest - rate)`: what took a time `dt` weighs by it. A slow start is forgotten after some such times; a single
/// step far longer than that decides alone.
struct RateMeter {
  private var time: Double
  private var completed: Int
  /// Units a second; 0 until something was done.
  private(set) var rate = 0.0

  /// Starts at a time in seconds.
  init(time: Double, completed: Int) {
    self.time = time
    self.completed = completed
  }

  /// Notes how much is done by now.
  mutating func update(time now: Double, completed done: Int) {
    let passed = now - time
    guard passed > 0 else { return }
    let newest = Double(done - completed) / passed
    rate = rate == 0 ? newest : rate + (1 - exp(-passed / 15)) * (newest - rate)
    (time, completed) = (now, done)
  }
}
