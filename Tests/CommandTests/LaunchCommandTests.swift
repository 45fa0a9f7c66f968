import Foundation
import TestSupport
import Testing

/// A command is started again when it dies, as often as that may help, and told to stop when its supervisor is.
struct LaunchCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func launch(_ arguments: String..., setting variables: [String] = []) throws -> CommandResult {
    try CommandRunner.run(["launch"] + arguments, in: folder.path, setting: variables)
  }

  /// A script that counts its starts and then does the rest.
  private func script(_ text: String, named name: String = "job.sh") throws {
    try folder.write(name, "echo start \"$@\" >>starts\nstarts=$(wc -l <starts)\n" + text)
  }

  private func starts() throws -> [String] {
    try String(contentsOfFile: folder.file("starts"), encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// Two deaths by SIGKILL, each after a few more steps; the run ends as the one that nobody disturbed.
  @Test func aKilledTrainingEndsAsTheUndisturbedOne() throws {
    let world = try CommandWorld.shared()
    let settings = ["--set", "log.every_steps=1", "--set", "checkpoint.every_steps=2", "--ranks", "2", "--quiet"]
    let straight = try CommandRunner.run(
      ["train", "--config", world.config, "--data", world.dataset, "--out", "straight"] + settings, in: folder.path)
    #expect(straight.code == 0, "\(straight.errors)")
    try script(
      """
      [ "$starts" -lt 3 ] || exec "$PRECISE" "$@"
      "$PRECISE" "$@" &
      job=$!
      until [ "$(cat run/metrics.jsonl 2>/dev/null | wc -l)" -ge $((starts * 2)) ]; do kill -0 $job || exit 1; sleep 0.01; done
      kill -KILL $job
      wait $job
      """, named: "precise")
    let outcome = try CommandRunner.run(
      ["launch", "--backoff", "0", "--", "sh", "./precise", "train", "--config", world.config, "--data", world.dataset]
        + ["--out", "run", "--overwrite"] + settings,
      in: folder.path, setting: ["PRECISE=\(try CommandRunner.binary())"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let words = try starts()
    #expect(words.count == 3 && !words[0].contains("--resume") && words[0].contains("--overwrite"))
    #expect(words[1...].allSatisfy { $0.contains("train --resume") && !$0.contains("--overwrite") })
    let manifests = try ["straight", "run"].map { run in
      try ["universal", "like"].map { phase in
        let path = folder.file("\(run)/checkpoints/\(phase)")
        let last = try #require(FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("step-") }.max())
        return try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(last)/manifest.json"))
      }
    }
    #expect(manifests[0] == manifests[1])
  }

  @Test func statusesThatNoRestartHelps() throws {
    for code in [0, 64, 65, 75] {
      try? FileManager.default.removeItem(atPath: folder.file("starts"))
      try script("exit \(code)")
      #expect(try launch("--backoff", "0", "--", "sh", "job.sh").code == Int32(code))
      #expect(try starts().count == 1, "\(code)")
    }
  }

  @Test func givesUp() throws {
    try script("exit 70")
    let dying = try launch("--backoff", "0", "--restarts", "9", "--", "sh", "job.sh")
    #expect(dying.code == 70 && dying.errors.contains("it has died 3 times before its first step"), "\(dying.errors)")
    #expect(try starts().count == 3)
    try FileManager.default.removeItem(atPath: folder.file("starts"))
    let short = try launch("--backoff", "0", "--restarts", "1", "--", "sh", "job.sh")
    #expect(short.code == 70 && short.errors.contains("no restart is left"))
    #expect(short.errors.contains("it is started again as it stands"))
    #expect(try starts().count == 2)
  }

  /// A run that diverges does so again after a restart, at the same step.
  @Test func aStepThatFailsAgainIsGivenUp() throws {
    let world = try CommandWorld.shared()
    let outcome = try launch(
      "--backoff", "0", "--restarts", "9", "--", try CommandRunner.binary(), "train", "--config", world.config, "--data",
      world.dataset, "--out", "run", "--ranks", "2", "--set", "optimizer.id_learning_rate=1e37")
    #expect(outcome.code == 70)
    #expect(outcome.errors.contains("it has failed at universal step 2 before"), "\(outcome.errors)")
    #expect(outcome.errors.components(separatedBy: "the embedding of item").count == 3)
    let record = try String(contentsOfFile: folder.file("run/failure.json"), encoding: .utf8)
    #expect(record.contains("\"step\" : 2"))
  }

  @Test func aRequestToStopReachesTheRanksAsSIGUSR1() throws {
    for signal in ["TERM", "INT", "HUP", "USR1"] {
      try script(
        """
        trap 'exit 75' USR1
        kill -\(signal) $PPID
        while :; do sleep 0.05; done
        """)
      let outcome = try launch("--", "sh", "job.sh")
      #expect(outcome.code == 75 && outcome.errors.contains("asked to stop"), "\(signal): \(outcome.errors)")
    }
  }

  @Test func aSecondRequestEndsThem() throws {
    try script(
      """
      trap '' USR1
      kill -TERM $PPID
      sleep 0.5
      kill -TERM $PPID
      while :; do sleep 0.05; done
      """)
    #expect(try launch("--", "sh", "job.sh").code == 128 + 15)
    #expect(try starts().count == 1)
  }

  /// A run that is there already is refused, and stays refused: what it has reached is none of this start's doing.
  @Test func aRunThatExistsIsNotGoneOnWith() throws {
    let world = try CommandWorld.shared()
    let training = [
      "train", "--config", world.config, "--data", world.dataset, "--out", "run", "--ranks", "2", "--quiet", "--set",
      "log.every_steps=1",
    ]
    let first = try CommandRunner.run(training, in: folder.path)
    #expect(first.code == 0, "\(first.errors)")
    let log = try Data(contentsOf: URL(fileURLWithPath: folder.file("run/metrics.jsonl")))
    let outcome = try CommandRunner.run(
      ["launch", "--backoff", "0", "--", try CommandRunner.binary()] + training, in: folder.path)
    #expect(outcome.code == 65, "\(outcome.errors)")
    #expect(outcome.errors.contains("the same input would be refused again") && !outcome.errors.contains("starting it again"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("run/metrics.jsonl"))) == log)
  }

  /// As process managers leave it; the system then forgets how children end.
  @Test func endsWhenSIGCHLDIsIgnored() throws {
    try script("exit 7")
    let parent = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    let outcome = try CommandRunner.run(
      ["-c", parent, try CommandRunner.binary(), "launch", "--restarts", "0", "--", "sh", "job.sh"], in: folder.path,
      program: "/usr/bin/python3")
    #expect(outcome.code == 7, "\(outcome.errors)")
  }

  /// A training whose parent has blocked the signals that stop it, one of which waits already, hears it.
  @Test func aStopSignalThatWasBlockedIsHeard() throws {
    let world = try CommandWorld.shared()
    let parent = """
      import os, signal, sys
      signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
      os.kill(os.getpid(), signal.SIGUSR1)
      os.execv(sys.argv[1], sys.argv[1:])
      """
    let outcome = try CommandRunner.run(
      ["-c", parent, try CommandRunner.binary(), "train", "--config", world.config, "--data", world.dataset, "--out", "run"],
      in: folder.path, program: "/usr/bin/python3")
    #expect(outcome.code == 75 && outcome.errors.contains("SIGUSR1"), "\(outcome.errors)")
  }

  /// `nohup`: the terminal's end is nobody's wish to stop, for the command as for its supervisor.
  @Test func aHangupThatIsIgnoredStaysIgnored() throws {
    try script(
      """
      kill -HUP $PPID
      kill -HUP $$
      sleep 0.5
      exit 0
      """)
    let outcome = try CommandRunner.run(
      ["-c", "trap '' HUP; exec \"$0\" launch -- sh job.sh", try CommandRunner.binary()], in: folder.path, program: "/bin/sh")
    #expect(outcome.code == 0 && !outcome.errors.contains("asked to stop"), "\(outcome.errors)")
  }

  /// A launcher that is killed leaves its ranks, each in a process group of its own as Open MPI's are; some do not hear SIGTERM.
  ///
  /// None of them meets the next start, or outlives the last.
  @Test func whatAStartLeavesBehindIsEndedFirst() throws {
    try script(
      """
      for left in $(cat left 2>/dev/null); do
        [ ! -e /proc/$left ] || ! grep -qv '(.*) Z' /proc/$left/stat || exit 9
      done
      setsid sh -c 'echo $$ >>left; exec sleep 1000' &
      sh -c 'trap "" TERM; echo $$ >>left; sleep 1000 & echo $! >>left; wait' &
      until [ "$(wc -l <left)" -ge $((starts * 3)) ]; do sleep 0.01; done
      [ "$starts" -lt 2 ] || exit 0
      kill -KILL $$
      """)
    let outcome = try launch("--backoff", "0", "--restarts", "1", "--", "sh", "job.sh")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("left processes running"))
    #expect(try starts().count == 2)
    let left = try String(contentsOfFile: folder.file("left"), encoding: .utf8).split(separator: "\n")
    #expect(left.count == 6 && left.allSatisfy { !FileManager.default.fileExists(atPath: "/proc/\($0)/exe") })
  }

  /// A request that comes before the command listens ends it by the signal: it was stopped, and may be started again.
  @Test func aCommandThatDoesNotListenYetIsStopped() throws {
    try script("kill -TERM $PPID\nsleep 10")
    #expect(try launch("--", "sh", "job.sh").code == 75)
  }

  @Test func mistakesAreUsage() throws {
    #expect(try launch("--restarts", "2").code == 64)
    let missing = try launch("--", "no-such-program", "train")
    #expect(missing.code == 64 && missing.errorLines.count == 1, "\(missing.errors)")
    #expect(missing.errors.contains("no-such-program cannot be started"))
    #expect(try launch("--restarts", "-1", "--", "true").code == 64)
  }
}
