import Foundation
import TestSupport
import Testing

@Suite struct GoldenCaseTests {
  @Test func everyCaseIsComplete() throws {
    let cases = try GoldenCase.all()
    #expect(cases.count >= 11)
    for golden in cases {
      let config = golden.config
      let users = try golden.file.shape("items")[0]
      #expect(try golden.file.shape("e") == [config.items, config.dimension])
      #expect(try golden.file.shape("h") == [users, config.length, config.dimension])
      #expect(try golden.file.shape("user") == [users, config.dimension])
      let gate = config.gateInput == .concat ? config.tokens * config.tokenDimension : config.tokenDimension
      #expect(try golden.file.shape("param.fusion.gate.weight") == [gate, config.experts])
      #expect(golden.parameterNames.contains("scene") == (config.scenes > 0))
      #expect(golden.parameterNames.contains("behavior") == (config.behaviors > 0))
      #expect(golden.file.names.contains("log_q") == config.logQ)
      for loss in GoldenCase.Loss.allCases {
        #expect(golden.gradientNames(loss) == (golden.parameterNames + ["ids", "tokens"]).sorted())
        for name in golden.parameterNames {
          #expect(try golden.gradient(loss, name).count == golden.parameter(name).count)
        }
      }
    }
  }

  @Test func lossesAddUp() throws {
    for golden in try GoldenCase.all() {
      let balance = try golden.config.balance * golden.loss("balance")
      let bpr = try golden.loss("bpr")
      #expect(abs(try golden.loss("phase1") - golden.loss("next_item") - balance) < 1e-4)
      #expect(abs(try golden.loss("phase2") - bpr - balance) < 1e-4)
      #expect(abs(try golden.loss("phase2_softmax") - bpr - 0.5 * golden.loss("target_softmax") - balance) < 1e-4)
    }
  }

  @Test func errorsAreMeasuredAgainstTheFile() throws {
    let golden = try GoldenCase(path: Fixtures.path("golden/tiny.safetensors"))
    let gradient = try golden.gradient(.phase1, "position")
    #expect(try golden.gradientError(gradient, .phase1, "position") == 0)
    #expect(abs(try golden.gradientError(gradient.map { $0 * 1.5 }, .phase1, "position") - 0.5) < 1e-6)
    let noise = [Float](repeating: 1e-6, count: golden.config.dimension)
    #expect(try golden.gradientError(noise, .phase2, "user.1.bias") < 1e-4)
    #expect(try golden.gradientError(noise.map { $0 * 1e4 }, .phase2, "user.1.bias") > 1e-3)
    #expect(try golden.outputError(golden.file.floats("e"), "e") == 0)
  }

  @Test func keysThatTheFileLacksHaveDefaults() throws {
    let json = """
      {"items": 50, "tokens": 4, "token_dim": 12, "id_dim": 8, "semantic_dim": 8, "experts": 8, "active": 2, "layers": 2,
       "heads": 2, "length": 6, "balance": 0.01, "logit_scale": 0.25, "residual_user_head": false}
      """
    let config = try JSONDecoder().decode(GoldenConfig.self, from: Data(json.utf8))
    #expect(config.gateInput == .mean && !config.logQ && config.scenes == 0 && config.behaviors == 0)
    #expect(config.dimension == 16 && config.logitScale == 0.25 && !config.residualUserHead)
  }
}
