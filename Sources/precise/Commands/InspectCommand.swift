import ArgumentParser
import Checkpoints
import Datasets
import Files
import Foundation
import Preparation
import Runs
import Texts

/// `precise inspect`: says what a folder of ours holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a data set, a run or a checkpoint holds.",
    discussion: """
      Examples:
        precise inspect dataset/ --verify
        precise inspect run/
        precise inspect run/checkpoints/universal/step-00000100 --json
      """)

  @Argument(help: ArgumentHelp("The folder of a data set, a run or a checkpoint.", valueName: "path"), completion: .file())
  var path: String
  @Flag(help: "Print JSON: for a data set, its manifest with its kind in front.")
  var json = false
  @Flag(help: "Read every file and compare checksums.")
  var verify = false

  func run() throws {
    try reportingFailures {
      let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      let files = FileManager.default
      if files.fileExists(atPath: "\(path)/\(CheckpointManifest.fileName)"), !files.fileExists(atPath: "\(path)/shards") {
        try CheckpointInspection(path: path).run(json: json, verify: verify)
      } else if RunDirectory(path: path).exists {
        try RunInspection(path: path).run(json: json, verify: verify)
      } else if Dataset.isDataset(path) {
        try DatasetInspection(path: path).run(json: json, verify: verify)
      } else {
        throw InputError("\(path) is no data set, run or checkpoint; name the folder that prepare or train made")
      }
    }
  }
}

/// What `inspect` does with a data set.
struct DatasetInspection {
  let path: String

  func run(json: Bool, verify: Bool) throws {
    let dataset = try Dataset(path: path)
    try dataset.checkSizes()
    if verify {
      try dataset.verifyChecksums()
      for index in 0..<dataset.shardCount { _ = try dataset.shard(index) }
      if TokenStates.exist(in: dataset) { try TokenStates.verify(in: dataset) }
      _ = try TextVectors(dataset: dataset)
    }
    if json {
      let manifest = try String(contentsOfFile: "\(dataset.path)/\(DatasetManifest.fileName)", encoding: .utf8)
      print("{\"kind\": \"dataset\", \"verified\": \(verify), \"manifest\": \(manifest)}")
    } else {
      print(PreparationSummary(dataset.manifest))
      print(verify ? "all checksums and shards are in order" : "every file has its size (--verify reads everything)")
    }
  }
}
