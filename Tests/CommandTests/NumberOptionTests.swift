import ArgumentParser
import Testing

@testable import precise

/// Numbers on the command line: whatever stands there, the sentence names the option and does not say that nothing stands there.
struct NumberOptionTests {
  /// Every option that takes a number, behind what its command needs besides.
  private static let options: [(command: [String], names: [String])] = [
    (["synth", "--out", "o"], ["--users", "--items", "--scenes", "--behaviors", "--days", "--seed", "--events"]),
    (
      ["prepare", "--interactions", "i", "--out", "o"],
      ["--ranks", "--virtual-shards", "--min-user-events", "--min-item-events", "--max-bad-rows", "--memory"]
    ),
    (["encode", "d"], ["--ranks", "--tokens", "--dim"]),
    (["check", "--config", "c"], ["--ranks", "--ranks-per-host", "--gflops", "--latency"]),
    (["train", "--config", "c", "--data", "d", "--out", "o"], ["--ranks"]),
    (["launch"], ["--restarts", "--backoff"]), (["ablate", "g", "--out", "o"], ["--jobs", "--ranks"]),
    (["evaluate", "r"], ["--ranks"]), (["recommend", "r", "--user", "u"], ["-k", "--reserve-new"]),
    (["index", "r", "--out", "o"], ["--neighbors", "--build-width", "--recall"]), (["watch", "r"], ["--every"]),
    (["report", "r", "--out", "o"], ["--users"]), (["bench", "--config", "c"], ["--steps", "--ranks"]),
    (["doctor"], ["--ranks", "--expect-ranks"]),
  ]

  private func refusal(_ command: [String], _ name: String, _ value: String) -> String? {
    let rest = command == ["launch"] ? ["--", "true"] : []
    do {
      _ = try Precise.parseAsRoot((command + [name, value] + rest).withNegativeNumbersJoined)
      return nil
    } catch {
      #expect(Precise.exitCode(for: error) == ExitCode(64))
      return Precise.message(for: error)
    }
  }

  @Test(arguments: ["-1", "-0.5", "-99999999999999999999", "99999999999999999999", "1e400", "nan", "x"])
  func whatIsNoSuchNumberIsRefusedByTheOptionsName(value: String) {
    for (command, names) in Self.options {
      for name in names {
        let message = refusal(command, name, value)
        #expect(message?.contains(name) == true, "\(command) \(name) \(value): \(message ?? "taken")")
        #expect(message?.contains("Missing") != true, "\(command) \(name) \(value): \(message ?? "")")
      }
    }
  }

  @Test func theProgramJoinsThem() throws {
    let result = try CommandRunner.run("encode", "d", "--ranks", "-1")
    #expect(result.code == 64 && result.errors.contains("--ranks must be 1 to 1024, not -1"), "\(result.errors)")
  }

  @Test func onlyNegativeNumbersAreJoined() {
    let words = ["recommend", "r", "--user", "-5", "-k", "-1", "--quiet", "--at", "-.5"]
    #expect(words.withNegativeNumbersJoined == ["recommend", "r", "--user=-5", "-k=-1", "--quiet", "--at=-.5"])
    for words in [
      ["--events", "-", "-5"], ["--out", "--quiet"], ["-k", "-q"], ["--set=a=1", "-2"], ["-1", "-2"], ["5", "-5"],
      ["launch", "--", "nice", "-n", "-5", "x"], ["---completion", "--ranks", "-1"],
    ] { #expect(words.withNegativeNumbersJoined == words) }
  }
}
