import Datasets
import Foundation
import Similarity
import Text

/// What `inspect` does with a data set.
struct DatasetInspection {
  let path: String

  func run(json: Bool, verify: Bool) throws {
    let dataset = try Dataset(path: path)
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
      print(verify ? "all checksums and shards are in order" : "sizes and headers are in order (--verify reads everything)")
    }
  }
}
