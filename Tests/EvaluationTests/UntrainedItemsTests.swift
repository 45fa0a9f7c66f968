import Collectives
import Datasets
import Model
import Tensors
import TestSupport
import Testing
import Texts

@testable import Evaluation

struct UntrainedItemsTests {
  private let world: BlendWorld
  private let workspace = Workspace(chunkBytes: 1 << 20)

  init() throws { world = try BlendWorld(items: 96, hasUnseen: true) }

  /// The ID rows of a model on one rank, item after item.
  private func idRows(_ model: PreciseModel) -> [[Float]] {
    var rows = [[Float]](repeating: [], count: model.items.ids.rows)
    for row in rows.indices { rows[model.items.item(ofLocalRow: row)] = model.items.ids.rows(row..<row + 1).values }
    return rows
  }

  /// The mean of the ID rows of the ten trained items nearest to a text, by a plain loop; `own` is no neighbor.
  private func plainMean(_ text: [Float], own: Int, _ ids: [[Float]]) -> (rows: [Int], mean: [Float]) {
    let trained = ids.indices.filter { world.dataset.items.trainCounts[$0] > 0 && $0 != own }
    let products = trained.map { item in (item, zip(text, world.text(of: item)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
    }
    let rows = products.filter { $0.1 > 0 }.sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 > $1.1 }.prefix(10).map(\.0)
    let sums = rows.reduce(into: [Double](repeating: 0, count: 6)) { sums, row in
      for column in sums.indices { sums[column] += Double(ids[row][column]) }
    }
    return (rows, sums.map { Float($0 / Double(rows.count)) })
  }

  private func fill(_ catalogue: Catalogue, _ texts: [[Float]], own: [Int32]) throws -> [[Float]] {
    let matrix = workspace.matrix(texts.count, world.vectors.width)
    for (row, text) in texts.enumerated() { matrix.row(row).update(from: text, count: text.count) }
    let ids = workspace.matrix(texts.count, 6)
    try catalogue.cold.fill(ids, texts: matrix, own: own, vectors: world.vectors, workspace: workspace)
    return (0..<texts.count).map { ids.rows($0..<$0 + 1).values }
  }

  private func isNear(_ one: [Float], _ other: [Float]) -> Bool {
    one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }
  }

  @Test func itemsGetTheMeanOfTheirNeighbors() throws {
    let (catalogue, ids) = (try world.catalogue(nil), idRows(world.model(SoloCommunicator())))
    let trained = try #require(world.dataset.items.index(of: "i17"))
    #expect(world.dataset.items.trainCounts[trained] > 0 && world.unseen.count > 8)
    let rows = world.unseen + [trained]
    let found = try fill(catalogue, rows.map(world.text(of:)), own: rows.map { Int32($0) })
    for (row, mean) in zip(rows, found) where !world.text(of: row).allSatisfy({ $0 == 0 }) {
      let (neighbors, expected) = plainMean(world.text(of: row), own: row, ids)
      #expect(neighbors.count == UntrainedItems.neighbors && !neighbors.contains(row))
      #expect(isNear(mean, expected), "row \(row)")
    }
    // As if it were new: then the trained item itself is its nearest neighbor.
    let new = try fill(catalogue, [world.text(of: trained)], own: [-1])[0]
    let (neighbors, expected) = plainMean(world.text(of: trained), own: -1, ids)
    #expect(neighbors.first == trained && isNear(new, expected) && !isNear(new, found[rows.count - 1]))
  }

  @Test func whereNothingIsNearTheMeanOfAllStands() throws {
    let catalogue = try world.catalogue(nil)
    let zeros = [Float](repeating: 0, count: world.vectors.width)
    let (none, near) = (zeros.map { _ in Float.nan }, world.text(of: try #require(world.dataset.items.index(of: "i17"))))
    let found = try fill(catalogue, [zeros, none, near], own: [-1, -1, -1])
    #expect(found[0] == catalogue.meanID.values && found[1] == catalogue.meanID.values && found[2] != catalogue.meanID.values)
    #expect(try fill(catalogue, [], own: []).isEmpty)
  }

  /// Ranks own other rows, and ask for other items: one for none at all.
  @Test func ranksGetWhatOneGets() throws {
    let world = world
    let unseen = world.unseen
    let expected = try fill(try world.catalogue(nil), unseen.map(world.text(of:)), own: unseen.map { Int32($0) })
    for ranks in [2, 3, 5] {
      for bytes in [Catalogue.defaultBytes, 0] {
        let found = try world.onRanks(ranks) { communicator in
          let own = communicator.rank == 1 ? [] : unseen.filter { $0 % 2 == communicator.rank % 2 }
          let workspace = Workspace(chunkBytes: 1 << 20)
          let texts = workspace.matrix(own.count, world.vectors.width)
          for (row, item) in own.enumerated() { world.vectors.copy(item, into: texts.row(row)) }
          let ids = workspace.matrix(own.count, 6)
          try world.catalogue(nil, communicator, bytes: bytes).cold.fill(
            ids, texts: texts, own: own.map { Int32($0) }, vectors: world.vectors, workspace: workspace)
          return Dictionary(uniqueKeysWithValues: own.enumerated().map { ($1, ids.rows($0..<$0 + 1).values) })
        }
        #expect(found[1].isEmpty && !found[0].isEmpty)
        for (item, values) in found.flatMap({ $0 }) {
          #expect(values == expected[unseen.firstIndex(of: item) ?? 0], "item \(item) on \(ranks) ranks")
        }
      }
    }
  }
}
