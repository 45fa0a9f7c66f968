import Collectives
import Model
import TestSupport
import Testing

@testable import Evaluation

struct BlendCellsTests {
  private let grid = BlendGrid(logitScale: 1)
  /// Places of two blends of the grid.
  private let most = 18
  private let other = 37

  /// A user whose target comes at `rank` under `place`, and fourth under all other blends.
  private func row(_ number: Int, _ index: Int, rank: Int32 = 2, shard: Int = 0) -> BlendCells.Row {
    var ranks = [Int32](repeating: 4, count: grid.count)
    ranks[index] = rank
    return BlendCells.Row(
      shard: shard, confidence: Float(number % 10), likeness: number % 7 == 0 ? -1 : Float(number % 3), ranks: ranks)
  }

  private func choose(_ rows: [BlendCells.Row]) throws -> BlendCells.Choice? {
    try BlendCells(grid, RankGain("mrr"), SoloCommunicator()).choose(rows, shards: 4)
  }

  /// A cell of two users does not outweigh the other 58.
  @Test func fewUsersGetOneBlendForAll() throws {
    let rows = (0..<60).map { row($0, $0 == 11 || $0 == 41 ? other : most, rank: 1) }
    let choice = try #require(try choose(rows))
    #expect(choice.blend.cells.count == 15 && choice.blend.cells.allSatisfy { $0 == grid.weights(most) })
    #expect(choice.users == 60)
    #expect(abs(choice.score - (58 + 2 * 0.25) / 60) < 1e-6 && abs(choice.scoreWithout - 0.25) < 1e-6)
  }

  /// What hundreds of users of a cell bear out is theirs.
  @Test func manyUsersGetACellOfTheirOwn() throws {
    let rows = (0..<9000).map { row($0, $0 % 10 >= 8 ? other : most, rank: 1) }
    let choice = try #require(try choose(rows))
    for number in 0..<10 {
      let cell = choice.blend.cells[choice.blend.cell(confidence: Float(number), likeness: 1)]
      #expect(cell == grid.weights(number >= 8 ? other : most), "confidence \(number)")
    }
    #expect(abs(choice.score - 1) < 1e-6)
  }

  @Test func usersAreSharedOutEqually() throws {
    let choice = try #require(try choose((0..<2100).map { row($0, most) }))
    #expect(choice.blend.confidenceEdges == [2, 4, 6, 8] && choice.blend.likenessEdges == [1, 2])
  }

  /// Of equal blends the weakest: the model alone, where text brings nothing.
  @Test func equalGainsLeaveTheModelAlone() throws {
    let choice = try #require(try choose((0..<30).map { row($0, 0, rank: 4) }))
    #expect(choice.blend.cells.allSatisfy { $0 == Blend.Weights(strength: 0, decay: 0) })
    #expect(choice.score == choice.scoreWithout && choice.blend.repeatWeight == nil)
  }

  /// One repeat weight for everybody, where most are served by it; of equal ones none.
  @Test func theRepeatWeightIsEverybodys() throws {
    for level in 0..<BlendGrid.repeats.count {
      let index = level * BlendGrid.pairs + most
      let choice = try #require(try choose((0..<60).map { row($0, $0 < 50 ? index : other, rank: 1) }))
      #expect(choice.blend.repeatWeight == (level == 0 ? nil : Double(BlendGrid.repeats[level])))
      #expect(choice.blend.cells.allSatisfy { $0 == grid.weights(most) } && choice.indices == Array(repeating: index, count: 15))
    }
  }

  @Test func nobodyHasNoCells() throws {
    #expect(try choose([]) == nil)
    // One user, whose history of one event is like nothing.
    let one = try #require(try choose([row(7, most)]))
    #expect(one.users == 1 && one.blend.isPlausible && one.blend.cells.allSatisfy { $0 == grid.weights(most) })
  }
}
