import Items
import Testing

@Suite struct RoutingTests {
  private func routing(_ routed: [Double], _ probability: [Double], items: Double) -> Routing {
    var routing = Routing(experts: routed.count)
    routing.routed = routed
    routing.probability = probability
    routing.items = items
    return routing
  }

  @Test func evenRoutingCostsOne() {
    #expect(abs(routing([5, 5, 5, 5], [2.5, 2.5, 2.5, 2.5], items: 10).loss - 1) < 1e-12)
    #expect(abs(routing([10, 0, 0, 0], [10, 0, 0, 0], items: 10).loss - 4) < 1e-12)
  }

  @Test func theLossIsKTimesSharesTimesMeans() {
    let uneven = routing([6, 3, 1], [2.5, 1.5, 1], items: 5)
    #expect(uneven.shares == [0.6, 0.3, 0.1])
    #expect(abs(uneven.loss - 3 * (0.6 * 0.5 + 0.3 * 0.3 + 0.1 * 0.2)) < 1e-12)
    // The gradient is what the loss gains by a probability.
    for expert in 0..<3 {
      var moved = uneven
      moved.probability[expert] += 0.01
      #expect(abs((moved.loss - uneven.loss) / 0.01 - uneven.probabilityGradient[expert]) < 1e-9)
    }
  }

  @Test func nothingRoutedCostsNothing() {
    let nothing = Routing(experts: 3)
    #expect(nothing.loss == 0 && nothing.shares == [0, 0, 0] && nothing.probabilityGradient == [0, 0, 0])
  }

  @Test func travelsAsOneList() {
    let uneven = routing([6, 3, 1], [2.5, 1.5, 1], items: 5)
    #expect(uneven.flat == [6, 3, 1, 2.5, 1.5, 1, 5])
    var other = Routing(experts: 3)
    other.flat = uneven.flat
    #expect(other == uneven)
  }
}
