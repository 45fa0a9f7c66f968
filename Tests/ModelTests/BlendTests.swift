import Foundation
import Testing

@testable import Model

struct BlendTests {
  /// Cells 10 · confidence's place + likeness's, as strengths.
  private func blend(_ confidence: [Double], _ likeness: [Double]) -> Blend {
    let cells = (0...confidence.count).flatMap { row in
      (0...likeness.count).map { Blend.Weights(strength: Double(10 * row + $0), decay: 0) }
    }
    return Blend(confidenceEdges: confidence, likenessEdges: likeness, cells: cells)
  }

  @Test(
    arguments: [
      (-100, -1, 0), (0.99, 0, 0), (1, 0, 10), (1, 0.25, 11), (1.5, 0.2, 10), (2, 0.25, 21), (1e9, 1, 21),
      (-.infinity, -.infinity, 0), (.infinity, .infinity, 21), (.nan, .nan, 0),
    ] as [(Float, Float, Double)])
  func aCellBeginsAtItsEdge(confidence: Float, likeness: Float, strength: Double) {
    let blend = blend([1, 2], [0.25])
    #expect(blend.cells[blend.cell(confidence: confidence, likeness: likeness)].strength == strength)
  }

  @Test func oneCellServesEverybody() {
    let blend = Blend(cells: [.init(strength: 3, decay: 0.5)])
    #expect(blend.cell(confidence: -5, likeness: 0.5) == 0 && blend.isPlausible)
    // Edges that fall together leave the cells between them empty.
    #expect(self.blend([1, 1], []).cell(confidence: 1, likeness: 0) == 2)
  }

  @Test func lagsFallByTheDecayAndEnd() {
    #expect(Blend.lags(0) == [1])
    #expect(Blend.lags(1) == [Float](repeating: 1, count: Blend.mostEvents))
    #expect(Blend.lags(0.3) == [1, 0.3, 0.09, 0.027])
    #expect(Blend.lags(0.6).count == 10 && abs(Blend.lags(0.6)[9] - Float(pow(0.6, 9))) < 1e-7)
    #expect(Blend.Weights(strength: 2, decay: 0.3).lags == Blend.lags(0.3).map { 2 * $0 })
    #expect(Blend.Weights(strength: 0, decay: 0.3).lags.allSatisfy { $0 == 0 })
  }

  @Test func onlyNumbersThatCanBeRankedWithArePlausible() {
    let sound = blend([1, 2], [0.5])
    #expect(sound.isPlausible)
    let changes: [@Sendable (inout Blend) -> Void] = [
      { $0.confidenceEdges[1] = .nan }, { $0.confidenceEdges[0] = -.infinity }, { $0.likenessEdges[0] = .nan },
      { $0.cells[3].strength = .nan }, { $0.cells[3].strength = .infinity }, { $0.cells[3].strength = -1e300 },
      { $0.cells[0].decay = .nan }, { $0.cells[0].decay = -0.1 }, { $0.cells[0].decay = 1.1 },
      { $0.cells.removeLast() }, { $0.cells.append($0.cells[0]) }, { $0.cells = [] }, { $0.confidenceEdges = [] },
      { $0.likenessEdges.append(1) }, { $0.unseenScale = .nan }, { $0.unseenScale = 0 }, { $0.unseenScale = -1 },
      { $0.unseenScale = .infinity }, { $0.confidenceEdges = [Double](repeating: 1, count: 1000) },
      { $0.repeatWeight = .nan }, { $0.repeatWeight = -.infinity },
      { $0.tailTemper = .init(power: 1.1, base: 1, growth: 1, most: 9) },
      { $0.tailTemper = .init(power: 1, base: 0, growth: 1, most: 9) },
      { $0.tailTemper = .init(power: 1, base: 1, growth: -0.1, most: 9) },
      { $0.tailTemper = .init(power: 1, base: 1, growth: .nan, most: 9) },
      { $0.tailTemper = .init(power: 1, base: 1, growth: 1, most: 0.5) },
      { $0.tailTemper = .init(power: 1, base: 1e-300, growth: 1e29, most: 9) },
      { $0.tailTemper = .init(power: 1, base: 1e-300, growth: 0, most: 1) },
    ]
    for (index, change) in changes.enumerated() {
      var blend = sound
      change(&blend)
      #expect(!blend.isPlausible, "change \(index)")
    }
  }

  @Test func isReadAsItWasWritten() throws {
    var blend = blend([0.1, 1.0 / 3], [0.25])
    (blend.unseenScale, blend.vectors) = (2.0 / 3, "0123abcd")
    (blend.repeatWeight, blend.tailTemper) = (-1.0 / 7, .init(power: 0.3, base: 2.1, growth: 1.0 / 9, most: 77))
    #expect(try JSONDecoder().decode(Blend.self, from: JSONEncoder().encode(blend)) == blend)
  }
}
