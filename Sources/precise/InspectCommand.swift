import ArgumentParser
import Datasets
import Files
import Foundation

/// `precise inspect`: says what a folder or file of ours holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a data set holds.",
    discussion: """
      Example:
        precise inspect dataset/ --verify
      """)

  @Argument(help: ArgumentHelp("A data set's folder.", valueName: "path"))
  var path: String
  @Flag(help: "Print JSON: a data set's manifest with its path in front.")
  var json = false
  @Flag(help: "Read every file and compare checksums.")
  var verify = false

  func run() throws {
    try reportingFailures {
      guard Dataset.isDataset(path) else { throw InputError("\(path) is no data set; name the folder that precise prepare made") }
      try DatasetInspection(path: path).run(json: json, verify: verify)
    }
  }
}

/// What `inspect` does with a data set.
struct DatasetInspection {
  let path: String

  func run(json: Bool, verify: Bool) throws {
    let dataset = try Dataset(path: path)
    if verify {
      try dataset.verifyChecksums()
      for index in 0..<dataset.shardCount { _ = try dataset.shard(index) }
    }
    if json {
      let manifest = try String(contentsOfFile: "\(dataset.path)/\(DatasetManifest.fileName)", encoding: .utf8)
      print("{\"kind\": \"dataset\", \"verified\": \(verify), \"manifest\": \(manifest)}")
    } else {
      print(PreparationSummary(dataset.manifest))
      print(verify ? "all checksums and shards are in order" : "sizes and headers are in order (--verify reads everything)")
    }
  }
}
