import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct RandomStreamTests {
  private func normal(_ stream: RandomStream, row: UInt64 = 0, count: Int = 64, deviation: Float = 1) -> [Float] {
    let out = Vector.guarded([Float](repeating: .nan, count: count))
    stream.fillNormal(row: row, out, deviation: deviation)
    #expect(GuardedMatrix.isIntact(Matrix(out.base, rows: 1, columns: count)))
    return out.values
  }

  private func uniform(_ stream: RandomStream, row: UInt64 = 0, count: Int = 64, bound: Float = 1) -> [Float] {
    let out = Vector.guarded([Float](repeating: .nan, count: count))
    stream.fillUniform(row: row, out, bound: bound)
    #expect(GuardedMatrix.isIntact(Matrix(out.base, rows: 1, columns: count)))
    return out.values
  }

  @Test func normalNumbersHaveTheNormalsMoments() {
    let count = 200_000
    let values = normal(RandomStream(seed: 1, purpose: .benchmark), count: count, deviation: 2).map { Double($0) / 2 }
    func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / Double(count) }
    // Each bound is some five standard errors of the moment's estimate.
    #expect(abs(moment(1)) < 0.011)
    #expect(abs(moment(2) - 1) < 0.016)
    #expect(abs(moment(3)) < 0.044)
    #expect(abs(moment(4) - 3) < 0.11)
    let inside = Double(values.count { abs($0) < 1 }) / Double(count)
    #expect(abs(inside - 0.682689) < 0.0052)
    let neighbors = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
    #expect(abs(neighbors) < 0.0112)
  }

  @Test func uniformNumbersStayInTheirBounds() {
    for bound in [Float(1), 0.3, 1e-3, 1.9999] {
      let values = uniform(RandomStream(seed: 2, purpose: .benchmark), count: 50_000, bound: bound)
      #expect(values.allSatisfy { $0 >= -bound && $0 < bound })
      let mean = values.reduce(0) { $0 + Double($1) } / 50_000
      #expect(abs(mean) < 0.013 * Double(bound))
      #expect(abs(norm(values) / Double(50_000).squareRoot() / Double(bound) - 0.57735) < 0.006)
    }
  }

  @Test func aRowIsAPrefixOfALongerOne() {
    let stream = RandomStream(seed: 3, purpose: .itemRow)
    let (normals, uniforms) = (normal(stream, count: 41), uniform(stream, count: 41))
    for count in [0, 1, 2, 3, 4, 5, 39] {
      #expect(normal(stream, count: count) == Array(normals[..<count]))
      #expect(uniform(stream, count: count) == Array(uniforms[..<count]))
    }
  }

  @Test func everyPartOfTheKeyTellsStreamsApart() {
    var seen: [[Float]: String] = [:]
    func add(_ stream: RandomStream, row: UInt64 = 5, _ name: String) {
      let values = normal(stream, row: row, count: 8)
      #expect(seen[values] == nil, "\(name) draws what \(seen[values] ?? "") draws")
      seen[values] = name
    }
    let purposes: [RandomPurpose] = [.denseParameter, .itemRow, .dropout, .permutation, .negatives, .window, .target, .benchmark]
    for purpose in purposes { add(RandomStream(seed: 1, purpose: purpose), "\(purpose)") }
    for index in [1, 2, 4095] { add(RandomStream(seed: 1, dropoutSite: index, step: 0), "dropout place \(index)") }
    for step in [1, 2, UInt32.max] { add(RandomStream(seed: 1, purpose: .itemRow, step: step), "step \(step)") }
    for seed in [0, 2, 1 << 32, 1 << 32 + 1, .max] as [UInt64] {
      add(RandomStream(seed: seed, purpose: .itemRow), "seed \(seed)")
    }
    for row in [0, 1, 1 << 32, 1 << 32 + 5, 1 << 47] as [UInt64] {
      add(RandomStream(seed: 1, purpose: .itemRow), row: row, "row \(row)")
    }
    #expect(seen.count == 24)
    let first = RandomStream(seed: 1, dropoutSite: 0, step: 0)
    #expect(normal(first) == normal(RandomStream(seed: 1, purpose: .dropout)))
  }

  @Test func singleDrawsAreTheKernelsWords() {
    let stream = RandomStream(seed: 0x1234_5678_9ABC_DEF0, purpose: .negatives, step: 77)
    let row: UInt64 = 0x0000_4321_8765_4321
    let values = uniform(stream, row: row, count: 8)
    for column in 0..<2 {
      let words = stream.words(row: row, column: UInt32(column))
      let expected = [words.0, words.1, words.2, words.3].map { Float($0 >> 8) * 0x1p-23 - 1 }
      #expect(Array(values[(4 * column)..<(4 * column + 4)]) == expected)
    }
  }

  @Test func drawsBelowABoundAreFair() {
    let stream = RandomStream(seed: 4, purpose: .negatives)
    var counts = [Int](repeating: 0, count: 7)
    for row in 0..<7000 { counts[stream.below(7, row: UInt64(row))] += 1 }
    #expect(counts.allSatisfy { abs($0 - 1000) < 150 })  // five standard deviations
    #expect((0..<50).allSatisfy { stream.below(1, row: UInt64($0)) == 0 })
    #expect((0..<50).allSatisfy { (0..<Int.max).contains(stream.below(.max, row: 1, column: $0)) })
  }

  @Test func namesHaveTheirPublishedHash() {
    #expect(RandomStream.hash("") == 0x811C_9DC5)
    #expect(RandomStream.hash("a") == 0xE40C_292C)
    #expect(RandomStream.hash("foobar") == 0xBF9C_F968)
  }
}
