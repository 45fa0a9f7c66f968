import Files
import Foundation
import TestSupport
import Testing

@testable import Checkpoints

/// A kind of file that a command is given: where it stands, and what the command must say when it is damaged.
struct HostileFile: Sendable, CustomTestStringConvertible {
  /// What it is, for the table.
  let name: String
  let format: FileDamage.Format
  /// The file, inside the test's folder.
  let file: String
  /// The command; `run`, `dataset` and `raw` in its arguments are copies that belong to the test.
  let command: [String]
  /// The damages after which the command may as well go on; after all others it must not.
  var checkStop: Set<FileDamage> = []
  /// The exit code of a refusal.
  var code: Int32 = 65
  /// The damages that another file than this one shows, with other names and another code.
  var shownElsewhere: Set<FileDamage> = []
  /// Makes checksums fit again that would hide the damage.
  var remedy: (@Sendable (_ path: String) throws -> Void)?

  var testDescription: String { name }

  /// Every kind of file that comes from outside.
  static let all: [HostileFile] = rows + lists + configurations + states + datasets + checkpoints + runs

  /// A letter of an id, a text or a time may be another; cut off after a whole row, a file is a shorter one.
  private static let rowsMayGoOn: Set<FileDamage> = [.truncated, .bitFlipped]

  private static let rows: [HostileFile] = [
    interactions("csv", "raw/interactions.csv"),
    interactions("csv.gz", "raw/interactions.csv.gz", .gzip, checkStop: []),
    interactions("tsv", "raw/interactions.tsv", options: ["--format", "tsv"]),
    interactions("jsonl", "raw/interactions.jsonl", options: ["--format", "jsonl"]),
    interactions("ratings.dat", "raw/ratings.dat", options: ["--format", "movielens-1m"]),
    interactions("amazon-2014", "raw/reviews_Toys.json", options: ["--format", "amazon-2014"]),
    HostileFile(
      name: "items, csv", format: .lines, file: "raw/items.csv",
      // Its ids without their digits are items that nobody has used.
      command: prepare + ["--interactions", "raw/interactions.csv", "--items", "raw/items.csv"],
      checkStop: rowsMayGoOn.union([.nanFilled])),
  ]

  private static let prepare = ["prepare", "--out", "made", "--quiet", "--virtual-shards", "2", "--min-item-events", "1"]

  private static func interactions(
    _ name: String, _ file: String, _ format: FileDamage.Format = .lines, checkStop: Set<FileDamage> = rowsMayGoOn,
    options: [String] = []
  ) -> HostileFile {
    HostileFile(
      name: "interactions, \(name)", format: format, file: file, command: prepare + ["--interactions", file] + options,
      checkStop: checkStop)
  }

  /// An unknown id has no score; an empty list of ids is none, but a table has a header.
  private static let lists: [HostileFile] = [
    HostileFile(
      name: "score --pairs", format: .lines, file: "pairs.csv",
      command: ["score", "run", "--pairs", "pairs.csv", "--out", "made", "--quiet"], checkStop: rowsMayGoOn.union([.nanFilled])),
    HostileFile(
      name: "export --items", format: .lines, file: "raw/items.csv",
      command: ["export", "run", "--items", "raw/items.csv", "--out", "made", "--quiet"],
      checkStop: rowsMayGoOn.union([.nanFilled])
    ),
    HostileFile(
      name: "recommend --users-file", format: .lines, file: "users.txt",
      command: ["recommend", "run", "--users-file", "users.txt", "--json", "--quiet"],
      checkStop: [.truncated, .bitFlipped, .empty]),
  ]

  /// Every key has a default, so half a file and none at all are configurations too.
  private static let configurations: [HostileFile] = [
    HostileFile(
      name: "configuration", format: .yaml, file: "config.yaml",
      command: ["check", "--config", "config.yaml", "--data", "dataset", "--quiet"],
      checkStop: [.truncated, .bitFlipped, .empty],
      code: 64)
  ]

  /// States have no checksum of their own: a flipped bit may be another number, and so may numbers in the wrong order of bytes.
  private static let states: [HostileFile] = [
    HostileFile(
      name: "encode --states", format: .safetensors, file: "states.safetensors",
      command: ["encode", "dataset", "--states", "states.safetensors", "--ids", "ids.txt", "--quiet"], checkStop: [.bitFlipped]),
    HostileFile(
      name: "encode --ids", format: .lines, file: "ids.txt",
      command: ["encode", "dataset", "--states", "states.safetensors", "--ids", "ids.txt", "--quiet"],
      // Half of the items and one more are enough.
      checkStop: [.bitFlipped]),
    dataset("token states", .safetensors, "dataset/token_states.safetensors", export, [.bitFlipped]),
    // Vectors have no checksum of their own; a run's scores are bound to the rule and the states that they were made by.
    dataset("text vectors", .safetensors, "dataset/text_vectors.safetensors", export, [.bitFlipped, .wrongEndianNumbers]),
    HostileFile(
      name: "text vectors, trained with", format: .safetensors, file: "dataset/text_vectors.safetensors",
      command: ["train", "--config", "config.yaml", "--data", "dataset", "--out", "made", "--quiet", "--ranks", "1"],
      // Without the file there is nothing to blend.
      checkStop: [.bitFlipped, .wrongEndianNumbers, .danglingLink, .linkLoop]),
    dataset("encode.json", .json, "dataset/encode.json", export, [.bitFlipped, .wrongEndianLength]),
  ]

  private static let export = ["export", "run", "--data", "dataset", "--out", "made", "--quiet"]
  private static let evaluate = ["evaluate", "run", "--data", "dataset", "--quiet"]
  private static let inspect = ["inspect", "dataset", "--verify"]

  /// A command that uses a data set sees what would break it, `inspect --verify` everything.
  private static let datasets: [HostileFile] = [
    dataset("data set, manifest", .json, "dataset/manifest.json", evaluate, [.bitFlipped, .wrongEndianLength]),
    dataset(
      "data set, manifest, starter", .json, "dataset/manifest.json", ["config", "--data", "dataset"],
      [.bitFlipped, .wrongEndianLength]),
    dataset("data set, items", .safetensors, "dataset/items.safetensors", export, [.bitFlipped]),
    dataset("data set, a shard", .safetensors, "dataset/shards/shard-00001.safetensors", evaluate, [.bitFlipped]),
    dataset("data set, items, verified", .safetensors, "dataset/items.safetensors", inspect),
    dataset("data set, a shard, verified", .safetensors, "dataset/shards/shard-00001.safetensors", inspect),
  ]

  private static func dataset(
    _ name: String, _ format: FileDamage.Format, _ file: String, _ command: [String], _ checkStop: Set<FileDamage> = []
  ) -> HostileFile {
    HostileFile(name: name, format: format, file: file, command: command, checkStop: checkStop)
  }

  /// The checkpoint that the commands serve from.
  static let checkpoint = "run/checkpoints/like/step-00000099"

  private static let checkpoints: [HostileFile] =
    [
      checkpoint("manifest.json", .json, [.bitFlipped, .wrongEndianLength]), checkpoint("dense.safetensors", .safetensors),
      checkpoint("optimizer.safetensors", .safetensors), checkpoint("items-00000.safetensors", .safetensors),
      checkpoint("config.yaml", .yaml),
    ]
    + ["dense.safetensors", "items-00000.safetensors"].map { name in
      HostileFile(
        name: "checkpoint, \(name), checksum made to fit", format: .safetensors, file: "\(checkpoint)/\(name)", command: export,
        checkStop: [.bitFlipped, .wrongEndianNumbers], remedy: fixChecksum)
    }

  private static func checkpoint(_ name: String, _ format: FileDamage.Format, _ checkStop: Set<FileDamage> = []) -> HostileFile {
    HostileFile(
      name: "checkpoint, \(name)", format: format, file: "\(checkpoint)/\(name)", command: export, checkStop: checkStop)
  }

  /// Goes on with the run, whose newest checkpoint is the one that the tests damage.
  static let resume = [
    "train", "--config", "config.yaml", "--data", "dataset", "--out", "run", "--resume", "--set", "model.experts=2", "--set",
    "universal.epochs=2",
  ]

  /// Files of the newest checkpoint, for a run that goes on from it: one that is read first, one under a checksum, one behind it.
  static let resumed: [HostileFile] = checkpoints.filter {
    ["manifest.json", "dense.safetensors", "items-00000.safetensors, checksum made to fit"].map { "checkpoint, \($0)" }
      .contains($0.name)
  }.map {
    HostileFile(name: $0.name, format: $0.format, file: $0.file, command: resume, checkStop: $0.checkStop, remedy: $0.remedy)
  }

  /// Writes a file's checksum into the manifest beside it.
  @Sendable private static func fixChecksum(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    guard let checksum = try? CRC32.of(file: path) else { return }
    let folder = url.deletingLastPathComponent().path
    var manifest = try CheckpointManifest(folder: folder)
    for index in manifest.files.indices where manifest.files[index].name == url.lastPathComponent {
      manifest.files[index].crc32 = CheckpointManifest.hex(checksum)
    }
    try manifest.write(to: folder)
  }

  private static let runs: [HostileFile] = [
    HostileFile(
      name: "run.json", format: .json, file: "run/run.json", command: ["evaluate", "run", "--quiet"],
      checkStop: [.wrongEndianLength]),
    HostileFile(
      name: "a run's config.yaml", format: .yaml, file: "run/config.yaml", command: ["evaluate", "run", "--quiet"],
      // The models are built by their checkpoints' own configurations; this one says how to evaluate.
      checkStop: [.truncated, .bitFlipped, .empty], code: 64,
      // A folder without one is no run.
      shownElsewhere: [.danglingLink, .linkLoop]),
    // What a killed run leaves of its log is no fault; nor is a log that is not there.
    HostileFile(
      name: "metrics.jsonl", format: .lines, file: "run/metrics.jsonl", command: ["inspect", "run"],
      checkStop: Set(FileDamage.allCases).subtracting([.folder, .linkToFolder, .unreadable])),
    HostileFile(
      name: "evaluation.json", format: .json, file: "run/evaluation.json", command: ["inspect", "run"],
      checkStop: [.bitFlipped, .oversizedLength, .nanFilled, .wrongEndianLength]),
  ]
}
