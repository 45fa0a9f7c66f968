import Supervision
import Testing

struct RestartPolicyTests {
  private func end(_ status: Int32, failed: Int? = nil, before: Int? = nil, reached: Int? = nil) -> RestartPolicy.End {
    let position = { (step: Int) in RestartPolicy.StepPosition(phase: "universal", step: step) }
    return .init(status: status, failed: failed.map(position), before: before.map(position), reached: reached.map(position))
  }

  private func isRestart(_ decision: RestartPolicy.Decision) -> Bool { if case .restart = decision { true } else { false } }

  @Test(arguments: [0, 75, 64] as [Int32]) func whatNeedsNoRestartGetsNone(status: Int32) {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(!isRestart(policy.decide(end(status, reached: 10))))
  }

  @Test func aJobThatMovesIsRestartedAsOftenAsItMay() {
    var policy = RestartPolicy(restarts: 3, backoff: 1)
    let decisions = [nil, 10, 20, 30].map { policy.decide(end(137, before: $0, reached: ($0 ?? 0) + 10)) }
    #expect(decisions.prefix(3).allSatisfy { $0 == .restart(after: 1) })
    #expect(decisions[3] == .end(because: "no restart is left"))
  }

  @Test func pausesDoubleWhileItGetsNowhereAndNeverPassFiveMinutes() {
    var policy = RestartPolicy(restarts: 100, backoff: 40)
    #expect(policy.decide(end(1, reached: 5)) == .restart(after: 40))
    #expect(policy.decide(end(1, before: 5, reached: 5)) == .restart(after: 80))
    #expect(policy.decide(end(1, before: 5, reached: 6)) == .restart(after: 40))
    var slow = RestartPolicy(restarts: 100, backoff: 299)
    _ = slow.decide(end(1, reached: 5))
    #expect(slow.decide(end(1, before: 5, reached: 5)) == .restart(after: 300))
  }

  /// A host that died keeps its lock on a network file system for a while; a job that was there first keeps it for good.
  @Test func aLockOfAnEarlierStartIsWaitedForAndAnotherJobsIsNot() {
    let held = RestartPolicy.End(status: 65, failed: nil, before: nil, reached: nil, isHeld: true)
    var first = RestartPolicy(restarts: 9, backoff: 1)
    #expect(first.decide(held) == .end(because: "the same input would be refused again"))
    var later = RestartPolicy(restarts: 1, backoff: 1)
    #expect(later.decide(end(137, reached: 10)) == .restart(after: 1))
    for _ in 0..<20 { #expect(later.decide(held) == .restart(after: 15)) }
    #expect(!isRestart(later.decide(held)))
  }

  @Test func aStepThatFailsTwiceIsGivenUp() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(policy.decide(end(70, failed: 12, reached: 10))))
    #expect(isRestart(policy.decide(end(70, failed: 30, before: 10, reached: 20))))
    let again = policy.decide(end(70, failed: 30, before: 20, reached: 20))
    #expect(again == .end(because: "it has failed at universal step 30 before"))
  }

  @Test func threeDeathsAtOnePlaceAreGivenUp() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(isRestart(policy.decide(end(137, reached: 20))))
    #expect(isRestart(policy.decide(end(139, before: 20, reached: 20))))
    #expect(policy.decide(end(137, before: 20, reached: 20)) == .end(because: "it has died 3 times at universal step 20"))
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
    #expect(!isRestart(late.decide(end(65, failed: 1000, before: 990, reached: 990))))
  }

  /// The log of an earlier run in the same folder is no progress of this one: "this run exists" must not become `--resume`.
  @Test func whatAnEarlierRunHasReachedIsNoMoveOfTheFirstStart() {
    var policy = RestartPolicy(restarts: 9, backoff: 1)
    #expect(
      policy.decide(end(65, before: 500, reached: 500)) == .end(because: "the same input would be refused again"))
    var killed = RestartPolicy(restarts: 9, backoff: 1)
    #expect(killed.decide(end(137, before: 500, reached: 500)) == .restart(after: 1))
    #expect(killed.decide(end(137, before: 500, reached: 500)) == .restart(after: 2))
    #expect(killed.decide(end(137, before: 500, reached: 500)) == .end(because: "it has died 3 times at universal step 500"))
  }
}
