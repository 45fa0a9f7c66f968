import Testing

@testable import Preparation

@Suite struct PairSetTests {
  @Test func agreesWithASetOfPairs() {
    var random = SplitMix(state: 2)
    var pairs = PairSet(numbers: 500)
    var expected: Set<[Int]> = []
    for _ in 0..<20_000 {
      let (number, category) = (Int.random(in: 0..<500, using: &random), UInt16.random(in: 0...40, using: &random) &* 1_638)
      #expect(pairs.insert(number, category) == expected.insert([number, Int(category)]).inserted)
    }
    #expect(pairs.count == expected.count)
    #expect(pairs.sorted().map { [$0.number, Int($0.category)] } == expected.sorted { $0.lexicographicallyPrecedes($1) })
  }
}
