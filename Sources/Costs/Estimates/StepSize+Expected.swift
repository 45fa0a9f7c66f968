import Datasets
import Foundation
package import Runs
package import Training

extension StepSize {
  /// The expectation for a phase.
  package init(_ plan: PhasePlan, _ facts: EstimateFacts, ranks: Int) {
    self.init()
    self.ranks = ranks
    let (share, events, popularity) = (1 / Double(ranks), Double(facts.events), facts.popularity)
    users = Double(facts.users) * share
    positions = Double(facts.positions) * share
    queries = plan.kind.isUniversal ? positions : users
    guard let sampler = plan.negatives(items: facts.items) else {
      wanted = popularity.distinct(draws: events * share)
      distinct = popularity.distinct(draws: events)
      return
    }
    guard sampler.count != nil else {
      // The full softmax wants everything.
      (wanted, distinct, negatives) = (Double(facts.trained), Double(facts.trained), Double(facts.trained))
      return
    }
    draws = Double(sampler.fromBatch) * share
    let uniform = Double(sampler.fromCatalogue)
    let fromBatch = events > 0 ? events * -expm1(Double(sampler.fromBatch) * log1p(-1 / max(events, 1.5))) : 0
    wanted = popularity.distinct(draws: events * share + fromBatch * (1 - share), uniform: uniform)
    distinct = popularity.distinct(draws: events, uniform: uniform)
    negatives = popularity.distinct(draws: fromBatch, uniform: uniform)
  }
}
