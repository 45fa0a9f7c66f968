/// Which of the ranks that are waited for in vain are silent, and which only wait for such a rank themselves.
///
/// A rank that waits answers who asks (`Communicator.answerRollCall`). So whoever misses others asks them before it names any: those that
/// answer are in the same plight, and the silent rank is named by whoever misses it. Ours; docs/distributed.md, "A rank that says
/// nothing".
struct RollCall {
  private typealias Instant = ContinuousClock.Instant

  /// Those that were asked, when, and when it was for the first time.
  private var round: (channel: Int, asked: [Int], since: Instant, first: Instant)?
  private var answered: Set<Int> = []

  /// The ranks that do not answer; none while answers may still come, or where all have answered.
  ///
  /// Should all answer for as long again as is waited for a rank, all are named: a job must not hang for ever.
  ///
  /// - Parameters:
  ///   - missing: the ranks whose part an exchange lacks.
  ///   - timeout: `CollectiveState.timeout`, in seconds.
  ///   - ask: asks ranks.
  ///   - hear: the ranks whose answers have come since it was last called.
  mutating func silent(
    of missing: [Int], on channel: Int, timeout: Double, ask: ([Int]) -> Void, hear: () -> [Int]
  ) -> [Int] {
    let now = ContinuousClock.now
    answered.formUnion(hear())
    guard let round, round.channel == channel, missing.allSatisfy(round.asked.contains) else {
      begin(missing, channel, since: now, first: now, ask)
      return []
    }
    guard now - round.since >= .seconds(min(max(timeout / 4, 0.5), 3)) else { return [] }
    let silent = missing.filter { !answered.contains($0) }
    guard silent.isEmpty else { return silent }
    guard now - round.first < .seconds(max(timeout, 10)) else { return missing }
    begin(missing, channel, since: now, first: round.first, ask)
    return []
  }

  private mutating func begin(_ missing: [Int], _ channel: Int, since: Instant, first: Instant, _ ask: ([Int]) -> Void) {
    round = (channel, missing, since, first)
    answered = []
    ask(missing)
  }
}
