import Model
import Tensors
import TestSupport
import Testing

@testable import Similarity

struct TextBlendTests {
  private let world: TextWorld
  private let vectors: TextVectors
  private let scratch = Workspace(chunkBytes: 1 << 16)

  init() throws {
    world = try TextWorld(["red boat", "blue boat", "grey harbor wall", "", "red boat"])
    vectors = try world.vectors()
  }

  /// What a history of items, oldest first, asks for, and how alike its newest two are.
  private func ask(_ history: [Int], _ weights: [Float]) throws -> (query: [Float], likeness: Float) {
    var query = [Float](repeating: .nan, count: vectors.width)
    let room = scratch.vector(2 * vectors.width)
    return try history.map { Int32(try world.row($0)) }.withUnsafeBufferPointer { history in
      vectors.query(history, weights: weights, into: &query, scratch: room)
      return (query, vectors.likeness(history, scratch: room))
    }
  }

  @Test func theNewestEventHasTheFirstWeight() throws {
    let (found, _) = try ask([2, 1, 0], [4, 0.5])
    let (newest, before) = (try world.vector(0, vectors), try world.vector(1, vectors))
    for column in found.indices { #expect(abs(found[column] - (4 * newest[column] + 0.5 * before[column])) < 1e-6) }
    // More weights than events: the rest speaks for nobody.
    #expect(try ask([0], [4, 0.5, 7]).query == newest.map { 4 * $0 })
    #expect(try ask([], [4]).query.allSatisfy { $0 == 0 })
    #expect(try ask([0, 1], []).query.allSatisfy { $0 == 0 })
  }

  @Test func likenessIsTheProductOfTheNewestTwo() throws {
    #expect(try abs(ask([2, 0, 4], []).likeness - 1) < 2e-3)
    let expected = product(try world.vector(1, vectors), try world.vector(0, vectors))
    #expect(try abs(ask([2, 0, 1], []).likeness - expected) < 1e-5)
    // An item without text is like none.
    #expect(try ask([0, 3], []).likeness == 0)
    #expect(try ask([0], []).likeness == -1)
    #expect(try ask([], []).likeness == -1)
  }
}
