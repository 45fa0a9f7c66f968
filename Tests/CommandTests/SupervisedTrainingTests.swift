import Foundation
import TestSupport
import Testing

@testable import Supervision
@testable import precise

/// Where `--resume` goes in a command line of a launcher's words and a training's.
struct SupervisedTrainingTests {
  private func restarted(_ line: String) -> String {
    let training = SupervisedTraining(line.split(separator: " ").map(String.init), programs: ["precise", "trainer-2"])
    #expect(training.begin(0).joined(separator: " ") == line)
    return training.begin(1).joined(separator: " ")
  }

  @Test(arguments: [
    ("precise train --out run", "precise train --resume --out run"),
    (
      "mpirun -wdir train -n 4 /opt/bin/precise train --config train --out run",
      "mpirun -wdir train -n 4 /opt/bin/precise train --resume --config train --out run"
    ),
    ("srun sh -c 'exec FILE precise train --data train", "srun sh -c 'exec FILE precise train --resume --data train"),
    ("env train trainer-2 train --overwrite --out run", "env train trainer-2 train --resume --out run"),
    ("precise train --out run --resume", "precise train --out run --resume"),
    ("mpirun -wdir precise --overwrite precise train --overwrite", "mpirun -wdir precise --overwrite precise train --resume"),
    (
      "mpirun -n 1 precise train --out a : -n 2 precise train --overwrite --out a",
      "mpirun -n 1 precise train --resume --out a : -n 2 precise train --resume --out a"
    ),
  ])
  func theProgramsOwnTrainIsFound(line: String, expected: String) {
    #expect(restarted(line) == expected)
  }

  /// A folder, a script or a file of that name is no training.
  @Test(arguments: [
    "mpirun -n 2 train --overwrite", "sh train.sh train --out run", "precise bench --config train", "train precise", "precise",
    "sh -c precise\u{a0}train",
  ])
  func aCommandWithoutOneStaysAsItIs(line: String) {
    #expect(restarted(line) == line)
    #expect(!SupervisedTraining(line.split(separator: " ").map(String.init), programs: ["precise"]).isTraining)
  }

  /// Only words behind `train` name the run directory, the last of them; a record that was there before says nothing of this start.
  @Test func theRunDirectoryIsTheTrainings() throws {
    let folder = try TemporaryFolder()
    for (name, step) in [("a", 3), ("b", 7)] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
      try folder.write("\(name)/metrics.jsonl", "{\"phase\":\"universal\",\"step\":\(step)}\n")
      try folder.write(
        "\(name)/failure.json", "{\"rank\":0,\"host\":\"h\",\"phase\":\"universal\",\"step\":\(step),\"cause\":\"c\"}")
    }
    let (a, b) = (folder.file("a"), folder.file("b"))
    for words in [["--out", b], ["--out=\(b)"], ["--out", a, "--out=\(b)"]] {
      let training = SupervisedTraining(["tee", "--out", a, "precise", "train"] + words)
      _ = training.begin(0)
      let end = training.end(137)
      #expect(end.reached?.step == 7 && end.before?.step == 7 && !end.hasMoved && end.failed == nil)
    }
    let training = SupervisedTraining(["precise", "train", "--out", b])
    _ = training.begin(0)
    try folder.write("b/metrics.jsonl", "{\"phase\":\"universal\",\"step\":8}\n")
    try FileManager.default.removeItem(atPath: folder.file("b/failure.json"))
    try folder.write("b/failure.json", "{\"rank\":0,\"host\":\"h\",\"phase\":\"universal\",\"step\":9,\"cause\":\"c\"}")
    let end = training.end(70)
    #expect(end.hasMoved && end.reached?.step == 8 && end.failed?.step == 9)
  }

  @Test func anOlderRunThatStillStandsIsOverwrittenAndNotGoneOnWith() throws {
    let folder = try TemporaryFolder()
    try folder.write("config.yaml", "old")
    let training = SupervisedTraining(["precise", "train", "--overwrite", "--out", folder.path], programs: ["precise"])
    #expect(training.begin(0).contains("--overwrite"))
    // Killed before the run was its own.
    #expect(training.begin(1).contains("--overwrite") && !training.begin(1).contains("--resume"))
    try FileManager.default.removeItem(atPath: folder.file("config.yaml"))
    try folder.write("config.yaml", "new")
    #expect(!training.begin(2).contains("--overwrite") && training.begin(2).contains("--resume"))
  }
}
