import Files
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Serving

/// The graph alone: on rows of no model.
struct NeighborGraphTests {
  private let folder: TemporaryFolder
  private let workspace = Workspace(chunkBytes: 1 << 20)

  init() throws { folder = try TemporaryFolder() }

  /// Rows of some width, each multiplied by a number between e^-skew and e^skew.
  private final class Rows {
    let matrix: Matrix
    private let storage: Storage<Float>

    init(_ rows: Int, _ width: Int, seed: UInt64, skew: Float = 0) {
      storage = Storage(count: rows * width)
      matrix = Matrix(storage.base, rows: rows, columns: width)
      let (numbers, sizes) = (RandomValues.floats(rows * width, seed: seed), RandomValues.floats(rows, seed: seed + 1))
      for place in numbers.indices { matrix.base[place] = numbers[place] * exp(skew * sizes[place / width]) }
    }
  }

  private func write(_ items: Rows, _ users: Rows?, _ name: String, neighbors: Int = 8) throws -> String {
    var builder = IndexBuilder()
    (builder.neighbors, builder.buildWidth) = (neighbors, 60)
    let none = Matrix(items.matrix.base, rows: 0, columns: items.matrix.columns)
    let graph = try builder.build(items.matrix, for: users?.matrix ?? none, workspace: workspace)
    _ = try IndexFolder.write(graph, items.matrix, to: folder.file(name))
    return folder.file(name)
  }

  private func read(_ path: String, _ rows: Matrix) throws -> NeighborGraph {
    try MappedFile(path: path).withBytes {
      try NeighborGraph(NeighborGraphFile($0, path: path, rows: rows.rows, width: rows.columns), $0)
    }
  }

  /// Recall of the 20 best, against products in plain Swift.
  private func recall(_ graph: NeighborGraph, _ items: Matrix, _ queries: Matrix, breadth: Int) throws -> Double {
    var found = 0
    for query in 0..<queries.rows {
      let products = (0..<items.rows).map { item in
        (0..<items.columns).reduce(Float(0)) { $0 + queries[query, $1] * items[item, $1] }
      }
      let best = Set(products.indices.sorted { products[$0] > products[$1] }.prefix(20))
      let near = try graph.search(
        Vector(queries.row(query), count: queries.columns), by: .product, breadth: breadth, count: 20)
      #expect(near.count == 20 && near.allSatisfy { abs($0.score - products[$0.item]) < 1e-3 * max(1, abs($0.score)) })
      #expect(zip(near, near.dropFirst()).allSatisfy { $0.score >= $1.score })
      found += near.count { best.contains($0.item) }
    }
    return Double(found) / Double(20 * queries.rows)
  }

  /// Norms differ by a factor of 20: by cosine or distance these are other items.
  @Test(arguments: [Float(0), 1.5], [true, false])
  func findsTheHighestProducts(skew: Float, hasUsers: Bool) throws {
    let (items, users) = (Rows(800, 12, seed: 1, skew: skew), Rows(200, 12, seed: 3))
    let queries = Rows(30, 12, seed: 5)
    let graph = try read(try write(items, hasUsers ? users : nil, "g"), items.matrix)
    let narrow = try recall(graph, items.matrix, queries.matrix, breadth: 20)
    let wide = try recall(graph, items.matrix, queries.matrix, breadth: 200)
    #expect(wide > 0.98 && wide >= narrow && narrow > 0.6, "\(narrow), \(wide)")
  }

  /// The cosine over the first columns, whatever stands behind them.
  @Test func findsTheHighestCosines() throws {
    let (items, queries) = (Rows(300, 10, seed: 11, skew: 1), Rows(10, 8, seed: 13))
    let graph = try read(try write(items, nil, "g"), items.matrix)
    for query in 0..<queries.matrix.rows {
      let cosines = (0..<300).map { item in
        let (product, square) = (0..<8).reduce((Float(0), Float(0))) {
          ($0.0 + queries.matrix[query, $1] * items.matrix[item, $1], $0.1 + items.matrix[item, $1] * items.matrix[item, $1])
        }
        return product / square.squareRoot()
      }
      let best = cosines.indices.sorted { cosines[$0] > cosines[$1] }.prefix(5)
      let found = try graph.search(Vector(queries.matrix.row(query), count: 8), by: .cosine, breadth: 300, count: 5)
      #expect(found.map(\.item) == Array(best))
      #expect(found.allSatisfy { abs($0.score - cosines[$0.item]) < 1e-4 })
    }
  }

  @Test func theSameRowsGiveTheSameBytes() throws {
    let (items, users) = (Rows(300, 7, seed: 21, skew: 1), Rows(50, 7, seed: 23))
    let (one, other) = (try write(items, users, "one"), try write(items, users, "other"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: one)) == Data(contentsOf: URL(fileURLWithPath: other)))
    let without = try write(items, nil, "without")
    #expect(try Data(contentsOf: URL(fileURLWithPath: one)) != Data(contentsOf: URL(fileURLWithPath: without)))
  }

  /// Equal rows, rows of zeros, one row.
  @Test(arguments: [1, 2, 40]) func rowsNeedNotDiffer(count: Int) throws {
    let items = Rows(count, 3, seed: 31)
    items.matrix.clear()
    if count == 40 { for item in 0..<20 { items.matrix[item, 1] = 2 } }
    let graph = try read(try write(items, Rows(4, 3, seed: 33), "g"), items.matrix)
    let query = Rows(1, 3, seed: 35)
    query.matrix[0, 1] = 1
    let found = try graph.search(Vector(query.matrix.base, count: 3), by: .product, breadth: 40, count: 40)
    #expect(Set(found.map(\.item)).count == found.count && !found.isEmpty && found.count <= count)
    if count == 40 { #expect(found.prefix(5).allSatisfy { $0.score == 2 && $0.item < 20 }) }
  }

  /// Each byte changed in two ways, and each shorter file: refused in one sentence, or what it has can be searched safely.
  @Test func aDamagedFileIsRefusedOrHarmless() throws {
    let items = Rows(14, 3, seed: 41)
    let path = try write(items, Rows(6, 3, seed: 43), "g", neighbors: 2)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let query = Rows(1, 3, seed: 45)
    func isRefused(_ bytes: [UInt8]) throws -> Bool {
      try bytes.withUnsafeBytes { bytes in
        do {
          let graph = try NeighborGraph(NeighborGraphFile(bytes, path: "g", rows: 14, width: 3), bytes)
          let found = try graph.search(Vector(query.matrix.base, count: 3), by: .product, breadth: 14, count: 14)
          #expect(found.allSatisfy { (0..<14).contains($0.item) && $0.score.isFinite })
          return false
        } catch let error as InputError {
          #expect(error.description.hasPrefix("g is damaged or none of this index ("))
          return true
        }
      }
    }
    #expect(try !isRefused(bytes))
    for count in bytes.indices { #expect(try isRefused(Array(bytes[..<count])), "\(count) of \(bytes.count) bytes") }
    #expect(try isRefused(bytes + [0]))
    var refused = 0
    for place in bytes.indices {
      for flip in [UInt8(0xFF), 0x01] {
        var damaged = bytes
        damaged[place] ^= flip
        refused += try isRefused(damaged) ? 1 : 0
      }
    }
    // Not refused: digits of numbers, links to another row, places without a link.
    #expect(refused > bytes.count / 2, "\(refused) of \(2 * bytes.count)")
    // All of the header but the entry point's digits is known.
    for place in 0..<96 where !(52..<56).contains(place) && !(80..<84).contains(place) && !(88..<92).contains(place) {
      var damaged = bytes
      damaged[place] ^= 0xFF
      #expect(try isRefused(damaged), "byte \(place)")
    }
  }

  @Test func usersLinkWhatStandsBesideEachOther() {
    let lists = [[4, 1, 2, 0], [1, 4, 3], [4, 1]].map { $0.map { TopItems.Entry(item: $0, score: 0) } }
    let links = UserLinks(lists, items: 6)
    // Beside 4: 1 in all three lists, 2 in one, 3 in one.
    #expect(links.others(of: 4) == [1, 2, 3])
    #expect(links.others(of: 0) == [1, 2])
    #expect(links.others(of: 5).isEmpty)
  }

  /// In the space of users two items are as far apart as users' scores of them.
  @Test func theSpaceOfUsersMeasuresScores() throws {
    let (users, items) = (Rows(500, 6, seed: 51), Rows(2, 6, seed: 53))
    for user in 0..<500 { users.matrix[user, 2] *= 5 }
    let moved = Rows(2, 6, seed: 55)
    LinkSpace(users.matrix, workspace: workspace).move(items.matrix, into: moved.matrix, workspace: workspace)
    let differences = (0..<6).map { items.matrix[0, $0] - items.matrix[1, $0] }
    let expected = (0..<500).reduce(0.0) { sum, user in
      let score = (0..<6).reduce(Float(0)) { $0 + users.matrix[user, $1] * differences[$1] }
      return sum + Double(score * score) / 500
    }
    let found = (0..<6).reduce(0.0) { $0 + pow(Double(moved.matrix[0, $1] - moved.matrix[1, $1]), 2) }
    // What is added to the diagonal is a hundredth of its mean.
    #expect(found > expected && found < expected * 1.2 + 0.2, "\(found), \(expected)")
  }
}
