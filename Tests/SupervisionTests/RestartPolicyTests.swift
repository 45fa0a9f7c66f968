import Supervision
import Testing

struct RestartPolicyTests {
  private func end(_ status: Int32, failed: Int? = nil, reached: Int? = nil) -> RestartPolicy.End {
    .init(
      status: status, failed: failed.map { .init(phase: "universal", step: $0) },
      reached: reached.map { .init(phase: "universal", step: $0) })
  }

  private func isRestart(_ decision: RestartPolicy.Decision) -> Bool { if case .restart = decision { true } else { false } }

  @Test(arguments: [0, 75, 64] as [Int32]) func whatNeedsNoRestartGetsNone(status: Int32) {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(!isRestart(policy.decide(end(status, reached: 10))))
  }

  @Test func aJobThatMovesIsRestartedAsOftenAsItMay() {
    var policy = RestartPolicy(restarts: 3, backoff: 1)
    let decisions = (1...4).map { policy.decide(end(137, reached: 10 * $0)) }
    #expect(decisions.prefix(3).allSatisfy { $0 == .restart(after: 1) })
    #expect(decisions[3] == .end(because: "no restart is left"))
  }

  @Test func pausesDoubleWhileItGetsNowhereAndNeverPassFiveMinutes() {
    var policy = RestartPolicy(restarts: 100, backoff: 40)
    #expect(policy.decide(end(1, reached: 5)) == .restart(after: 40))
    #expect(policy.decide(end(1, reached: 5)) == .restart(after: 80))
    #expect(policy.decide(end(1, reached: 6)) == .restart(after: 40))
    var slow = RestartPolicy(restarts: 100, backoff: 299)
    _ = slow.decide(end(1, reached: 5))
    #expect(slow.decide(end(1, reached: 5)) == .restart(after: 300))
  }

  @Test func aStepThatFailsTwiceIsGivenUp() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(policy.decide(end(70, failed: 12, reached: 10))))
    #expect(isRestart(policy.decide(end(70, failed: 30, reached: 20))))
    #expect(policy.decide(end(70, failed: 30, reached: 20)) == .end(because: "it has failed at universal step 30 before"))
  }

  @Test func threeDeathsAtOnePlaceAreGivenUp() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(policy.decide(end(137, reached: 20))))
    #expect(isRestart(policy.decide(end(139, reached: 20))))
    #expect(policy.decide(end(137, reached: 20)) == .end(because: "it has died 3 times at universal step 20"))
    var early = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(early.decide(end(1))) && isRestart(early.decide(end(1))))
    #expect(early.decide(end(1)) == .end(because: "it has died 3 times before its first step"))
  }

  @Test func refusedInputIsFinalUnlessTheJobHasMoved() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(!isRestart(policy.decide(end(65))))
    // A full disk under a checkpoint, after a thousand steps.
    var late = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(late.decide(end(65, failed: 1000, reached: 990))))
    #expect(!isRestart(late.decide(end(65, failed: 1000, reached: 990))))
  }
}
