import Foundation
import Testing

@testable import Config

/// The files under `Configs/` are what people run first: each must read, and say how it is run.
struct PublishedConfigTests {
  static let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Configs").standardized.path

  static let files =
    (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { $0.hasSuffix(".yaml") }.sorted() ?? []

  @Test func thePromisedOnesAreThere() {
    let promised = ["demo", "ml-1m", "ml-1m-text", "ml-100k", "amazon-2014", "bench-small", "bench-base", "bench-large"]
    #expect(Set(promised.map { $0 + ".yaml" }).subtracting(Self.files).isEmpty)
  }

  @Test(arguments: files)
  func readsAndSaysHowItIsRun(file: String) throws {
    let path = Self.folder + "/" + file
    let config = try ConfigReader.read(file: path)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(["Written:", "Command:", "Measured:", "Configs/\(file)"].allSatisfy(text.contains))
    #expect(file.hasPrefix("bench-") == (config.bench != nil))
  }

  static let grids =
    (try? FileManager.default.contentsOfDirectory(atPath: folder + "/ablations"))?.filter { $0.hasSuffix(".yaml") }.sorted() ?? []

  /// Every variant of a published grid is a configuration.
  @Test(arguments: grids)
  func gridsResolve(file: String) throws {
    let path = "\(Self.folder)/ablations/\(file)"
    var grid = try AblationGrid.read(file: path, data: "dataset")
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains("precise ablate Configs/ablations/\(file) --data "))
    grid.config = "\(Self.folder)/../\(grid.config)"
    for variant in grid.variants {
      for setting in grid.settings { _ = try grid.resolve(variant, seed: grid.seeds[0], evaluated: setting) }
    }
  }

  /// The shapes that the PyTorch peer is timed on, so that both numbers are of one thing.
  @Test func theBaseShapeIsThePeers() throws {
    let config = try ConfigReader.read(file: Self.folder + "/bench-base.yaml")
    let bench = try #require(config.bench)
    let model = config.model
    #expect(config.batch.users == 256 && model.length == 50)
    #expect(bench.items == 20_000 && bench.tokens == 16 && bench.tokenDim == 384)
    #expect(model.idDim == 64 && model.semanticDim == 64 && model.experts == 8 && model.activeExperts == 2)
    #expect(model.layers == 2 && model.heads == 2)
    #expect(config.universal.negatives == .count(2048) && config.universal.tokenFreeze == 0)
  }
}
