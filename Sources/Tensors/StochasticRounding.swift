/// The random bits that round one row up or down, so that a stored row is right on average (Gupta et al., ICML 2015).
///
/// To the nearest, an update below half the last kept digit would never arrive, however often it is made.
public struct StochasticRounding: Sendable {
  /// The stream of the step.
  public let stream: RandomStream
  /// The row of the stream: a number that is this row's on every rank.
  public let row: UInt64

  /// The bits of token number `token` of the catalogue's row `item`, at the stream's step.
  public init(_ stream: RandomStream, item: Int, token: Int) {
    precondition(token < 1 << 16, "token \(token) of an item")
    self.stream = stream
    row = UInt64(item) << 16 | UInt64(token)
  }
}
