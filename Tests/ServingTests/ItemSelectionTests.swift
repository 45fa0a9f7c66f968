import TestSupport
import Testing

@testable import Serving

/// Lists with places for scenes, against what the rule says of each.
struct ItemSelectionTests {
  private static let items = 40

  /// Scores that differ, and scenes: every third item is of two.
  private func scores(_ seed: Int) -> [Float] {
    (0..<Self.items).map { Float(RandomValues.bits(seed: UInt64(seed), $0) >> 40) }
  }

  private func scenes(_ item: Int) -> [Int] { item % 3 == 0 ? [0, 1] : item % 3 == 1 ? [1] : item % 5 == 2 ? [2] : [] }

  private func best(_ quotas: [(Int, Int)], count: Int, scores: [Float], isOut: (Int) -> Bool = { _ in false }) -> [Int] {
    let all = Array(0..<Self.items)
    let selection = ItemSelection(
      count: count,
      quotas: quotas.map { quota in
        .init(scene: quota.0, places: quota.1, candidates: all.filter { scenes($0).contains(quota.0) })
      },
      newPlaces: 0, isNew: { _ in false })
    return scores.withUnsafeBufferPointer { selection.best(of: all, scores: $0.baseAddress!, isOut: isOut).map(\.item) }
  }

  @Test(arguments: 0..<20)
  func everySceneHasItsPlaces(seed: Int) {
    let scores = scores(seed)
    let found = best([(0, 2), (2, 3)], count: 8, scores: scores)
    #expect(found.count == 8 && Set(found).count == 8)
    #expect(found == found.sorted { scores[$0] > scores[$1] })
    #expect(found.count { scenes($0).contains(0) } >= 2 && found.count { scenes($0).contains(2) } >= 3)
    // Places that are nobody's hold the best of all that hold no place of their scene.
    let order = (0..<Self.items).sorted { scores[$0] > scores[$1] }
    #expect(Set(order.prefix(3)).isSubset(of: found))
    // Nobody outside is better than the worst of the same scenes inside.
    for scene in [0, 2] {
      let inside = found.filter { scenes($0).contains(scene) }.map { scores[$0] }.min() ?? 0
      let places = scene == 0 ? 2 : 3
      let best = order.filter { scenes($0).contains(scene) }.prefix(places)
      #expect(best.allSatisfy { found.contains($0) } && inside <= scores[best.last ?? 0])
    }
  }

  @Test func placesWithoutItemsGoToTheBestOfTheRest() {
    let scores = scores(3)
    let found = best([(2, 6)], count: 6, scores: scores) { item in scenes(item) == [2] && item != 2 }
    let order = (0..<Self.items).filter { scenes($0) != [2] }.sorted { scores[$0] > scores[$1] }
    #expect(found.contains(2) && Set(found) == Set(order.prefix(5) + [2]))
  }

  @Test func quotasOfTheWholeListLeaveNoPlaceForOthers() {
    let found = best([(1, 4), (2, 2)], count: 6, scores: scores(9))
    #expect(found.count { scenes($0).contains(2) } == 2 && found.count { scenes($0).contains(1) } == 4)
  }

  @Test func withoutQuotasTheBestAreTheBest() {
    let scores = scores(1)
    #expect(best([], count: 5, scores: scores) == Array((0..<Self.items).sorted { scores[$0] > scores[$1] }.prefix(5)))
  }
}
