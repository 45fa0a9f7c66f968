import Files
import Tensors
import TestSupport
import Testing

/// Every output and every gradient against the reference in `Tests/References`, computed there in float64.
///
/// Set `PRECISE_GOLDEN` to a folder to run further cases of the same format.
@Suite struct GoldenTests {
  static let tolerance = 1e-4

  @Test(arguments: try! GoldenCase.all().map(\.file.file.path))
  func outputsAndGradientsMatch(_ path: String) throws {
    let golden = try GoldenCase(path: path)
    let name = golden.name
    let run = try GoldenRun(golden)
    var worst = (error: 0.0, tensor: "none")
    func check(_ tensor: String, _ error: Double) {
      #expect(error <= Self.tolerance, "\(name): \(tensor) is off by \(error)")
      if !(error <= worst.error) { worst = (error, tensor) }
    }
    check("e", try golden.outputError(run.e.values, "e"))
    check("h", try golden.outputError(try run.hidden(), "h"))
    let newest = try run.newest()
    #expect(!newest.actual.isEmpty)
    check("h of the newest", relativeError(newest.actual, newest.expected))
    check("user", try golden.outputError(try run.userEmbeddings(), "user"))
    for loss in GoldenCase.Loss.allCases {
      let (losses, gradients) = try run.run(loss)
      #expect(losses.count >= 2)
      for (lossName, value) in losses {
        let expected = Double(try golden.loss(lossName))
        check("loss.\(lossName)", abs(value - expected) / max(abs(expected), 1e-3))
      }
      let names = golden.gradientNames(loss)
      #expect(Set(names) == Set(gradients.keys), "\(name): other tensors have gradients than the reference's")
      for tensor in names {
        check("grad.\(loss.rawValue).\(tensor)", try golden.gradientError(try #require(gradients[tensor]), loss, tensor))
      }
    }
    print("golden \(path): worst error \(worst.error) in \(worst.tensor)")
  }
}
