import Model
import Tensors
import TestSupport
import Testing

@Suite struct GradientNormTests {
  private struct Config: Decodable {
    let clip: Double
  }

  @Test func clipsAsTheReference() throws {
    let fixture = try FixtureFile(named: "optimizers/clip")
    let bound = try fixture.decode(Config.self).clip
    for group in ["large", "small", "zero"] {
      let names = fixture.names.filter { $0.hasPrefix("gradient.\(group).") }
      #expect(names.count == 3)
      let gradients = try names.flatMap { try fixture.floats($0) }
      let clipped = try names.flatMap { try fixture.floats($0.replacing("gradient.", with: "clipped.")) }
      let measured = GradientNorm(of: .guarded(gradients), bound: bound)
      let norm = Double(try fixture.float("norm.\(group)"))
      #expect(abs(measured.norm - norm) <= 1e-6 * norm)
      #expect(relativeError(gradients.map { $0 * measured.factor }, clipped) < 1e-6, "\(group)")
    }
  }

  @Test func aBoundOfZeroNeverClips() {
    let gradients = Vector.guarded([3, 4])
    #expect(GradientNorm(of: gradients, bound: 0) == GradientNorm(of: gradients, bound: 5))
    #expect(GradientNorm(of: gradients, bound: 0).factor == 1 && GradientNorm(of: gradients, bound: 0).norm == 5)
    #expect(GradientNorm(of: gradients, bound: 2.5).factor == 0.5)
  }

  @Test func aBrokenGradientShows() {
    #expect(GradientNorm(of: .guarded([1, .nan]), bound: 1).norm.isNaN)
    #expect(!GradientNorm(of: .guarded([1, .infinity]), bound: 1).norm.isFinite)
  }
}
