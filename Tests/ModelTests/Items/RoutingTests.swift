import Tensors
import Testing

@testable import Model

@Suite struct RoutingTests {
  private let workspace = Workspace(chunkBytes: 1 << 12)

  private func routing(_ routed: [Double], _ probability: [Double], items: Double) -> Routing {
    let routing = Routing(experts: routed.count, workspace: workspace)
    _ = routing.routed.update(fromContentsOf: routed)
    _ = routing.probability.update(fromContentsOf: probability)
    routing.items = items
    return routing
  }

  @Test func evenRoutingCostsOne() {
    #expect(abs(routing([5, 5, 5, 5], [2.5, 2.5, 2.5, 2.5], items: 10).loss - 1) < 1e-12)
    #expect(abs(routing([10, 0, 0, 0], [10, 0, 0, 0], items: 10).loss - 4) < 1e-12)
  }

  @Test func theLossIsKTimesSharesTimesMeans() {
    let uneven = routing([6, 3, 1], [2.5, 1.5, 1], items: 5)
    #expect((0..<3).map(uneven.share) == [0.6, 0.3, 0.1] && uneven.busiestShare == 0.6)
    #expect(abs(uneven.loss - 3 * (0.6 * 0.5 + 0.3 * 0.3 + 0.1 * 0.2)) < 1e-12)
    // The gradient is what the loss gains by a probability.
    for expert in 0..<3 {
      let moved = routing([6, 3, 1], [2.5, 1.5, 1], items: 5)
      moved.probability[expert] += 0.01
      #expect(abs((moved.loss - uneven.loss) / 0.01 - uneven.probabilityGradient(of: expert)) < 1e-9)
    }
  }

  @Test func nothingRoutedCostsNothing() {
    workspace.scope { _ = routing([1, 2, 3], [4, 5, 6], items: 7) }
    let nothing = Routing(experts: 3, workspace: workspace)  // in used memory
    #expect(nothing.loss == 0 && nothing.busiestShare == 0)
    #expect((0..<3).allSatisfy { nothing.share(of: $0) == 0 && nothing.probabilityGradient(of: $0) == 0 })
  }

  @Test func travelsAsOneList() {
    let uneven = routing([6, 3, 1], [2.5, 1.5, 1], items: 5)
    #expect(Array(uneven.numbers) == [6, 3, 1, 2.5, 1.5, 1, 5] && uneven.numbers.count == Routing.count(experts: 3))
    let same = Routing(uneven.numbers)
    same.items = 9
    #expect(uneven.items == 9 && same.experts == 3)
  }
}
