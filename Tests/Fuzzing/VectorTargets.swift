import Files
import TestSupport

@testable import Serving
@testable import Tensors
@testable import Texts

extension FuzzTarget {
  /// Files with a vector an item, and the graph of an index: both come from others' programs.
  static var vectorTargets: [FuzzTarget] { [itemVectors, neighborGraph] }

  /// `encode --vectors` of a NumPy array, a safetensors file or JSON lines; ids of the first two stand beside them.
  private static var itemVectors: FuzzTarget {
    FuzzTarget("item-vectors", seeds: itemVectorSeeds) { folder in
      let dataset = try FuzzWorld(folder).dataset()
      let items = DatasetItems(dataset)
      folder.put("ids.txt", Array((0..<items.count).map { items.id($0) + "\n" }.joined().utf8))
      return { input in
        folder.put("vectors", input)
        attempt {
          let ids = VectorFileKind(folder.file("vectors")) == .lines ? nil : folder.file("ids.txt")
          let source = try ForeignVectors(path: folder.file("vectors"), ids: ids, items: items, name: nil)
          var values: [Float] = []
          for item in 0..<items.count where source.tokenCount(item) > 0 { source.appendStates(item, to: &values) }
          must(values.allSatisfy(\.isFinite), "a number that is not finite")
        }
      }
    }
  }

  private static func itemVectorSeeds(_ folder: TemporaryFolder) throws -> [[UInt8]] {
    let items = DatasetItems(try FuzzWorld(folder).dataset())
    let lines = (0..<items.count).map { "{\"id\":\"\(items.id($0))\",\"embedding\":[\($0),1e-3,-2]}\n" }.joined()
    let header = EmbeddingFile.numpyHeader(rows: items.count, width: 2)
    return [Array(lines.utf8), header + [UInt8](repeating: 0x3F, count: items.count * 8)]
  }

  /// `items.hnsw`, which hnswlib itself believes.
  private static var neighborGraph: FuzzTarget {
    FuzzTarget("neighbor-graph", seeds: { [try contents(try graph($0))] }) { _ in
      let storage = Storage<Float>(count: Self.graphWidth)
      let query = Vector(storage.base, count: Self.graphWidth)
      for column in 0..<query.count { query[column] = Float(column + 1) }
      return { input in
        withExtendedLifetime(storage) {
          _ = attempt {
            let file = try NeighborGraphFile(input, path: "graph", rows: Self.graphRows, width: Self.graphWidth)
            let graph = try NeighborGraph(file, input)
            let found = try graph.search(query, by: .product, breadth: Self.graphRows, count: Self.graphRows)
            must(found.allSatisfy { (0..<Self.graphRows).contains($0.item) }, "an item that there is not")
          }
        }
      }
    }
  }

  private static let graphRows = 20
  private static let graphWidth = 3

  private static func graph(_ folder: TemporaryFolder) throws -> String {
    let workspace = Workspace()
    var builder = IndexBuilder()
    (builder.neighbors, builder.buildWidth) = (2, 20)
    return try workspace.scope {
      let items = workspace.matrix(graphRows, graphWidth)
      for place in 0..<items.count { items.base[place] = Float(place % 7) - Float(place % 5) }
      let graph = try builder.build(items, for: items.rows(0..<4), workspace: workspace)
      _ = try IndexFolder.write(graph, items, to: folder.file("graph"))
      return folder.file("graph")
    }
  }
}
