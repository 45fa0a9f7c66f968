import Model
import Tensors
import TestSupport
import Testing

@testable import Evaluation
@testable import Texts

struct TextBlendTests {
  private let world: TextWorld
  private let vectors: TextVectors
  private let scratch = Workspace(chunkBytes: 1 << 16)

  init() throws {
    world = try TextWorld(["red boat", "blue boat", "stone harbor wall", "", "red boat"])
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

  /// Behind the text an item has its code, and a user that of the newest item, times the repeat weight.
  @Test func theNewestItemItselfIsToldByItsCode() throws {
    var blend = Blend(cells: [.init(strength: 2, decay: 0)])
    #expect(TextBlend(vectors, blend).width == vectors.width && !TextBlend(vectors, blend).hasCodes)
    blend.repeatWeight = -3
    let text = TextBlend(vectors, blend)
    #expect(text.width == vectors.width + ItemCode.width && text.hasCodes)
    func ask(_ history: [Int]) throws -> [Float] {
      var query = [Float](repeating: .nan, count: text.width)
      let room = scratch.vector(2 * vectors.width)
      try history.map { Int32(try world.row($0)) }.withUnsafeBufferPointer {
        text.query($0, confidence: 0, into: &query, scratch: room)
      }
      return query
    }
    for item in 0..<5 {
      let row = try world.row(item)
      var part = [Float](repeating: .nan, count: text.width)
      text.copy(row, into: &part)
      #expect(Array(part[..<vectors.width]) == (try world.vector(item, vectors)))
      #expect(part[vectors.width...].enumerated().allSatisfy { $1 == ($0 == ItemCode.column(row) ? 1 : 0) })
      let query = try ask([2, item])
      #expect(query[vectors.width...].enumerated().allSatisfy { $1 == ($0 == ItemCode.column(row) ? -3 : 0) })
    }
    #expect(try ask([]).allSatisfy { $0 == 0 })
  }

  /// Every column is as likely as another, for rows that follow each other and for rows that keep step.
  @Test(arguments: [1, 2, 64, 4096])
  func codesAreSpreadEvenly(step: Int) {
    var counts = [Int](repeating: 0, count: ItemCode.width)
    for row in 0..<64_000 { counts[ItemCode.column(row * step)] += 1 }
    // 1000 are expected, with a standard deviation of 31.
    #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts.min() ?? 0) to \(counts.max() ?? 0)")
  }
}
