import Testing

@testable import Config

struct ConfigCheckTests {
  private let facts = DatasetFacts(
    scenes: ["beauty", "clothing", "toys"], behaviors: ["review"], items: 46_777, users: 72_803, tokenDim: 384,
    tokens: 16)

  private func problems(_ facts: DatasetFacts? = nil, _ change: (inout RunConfig) -> Void) -> [String] {
    var config = RunConfig()
    change(&config)
    return ConfigCheck.problems(config, facts: facts ?? self.facts).map(\.description)
  }

  @Test func theDefaultsFit() {
    #expect(problems { _ in } == [])
  }

  @Test(arguments: [1, 63, 64, 100, 300, 1_048_576])
  func aBatchMayHaveAnyNumberOfUsers(users: Int) {
    #expect(problems { $0.batch.users = users } == [])
    var small = facts
    small.users = 1
    #expect(problems(small) { $0.batch.users = users } == [])
  }

  @Test func noUsersAtAllAreAFault() {
    var empty = facts
    empty.users = 0
    #expect(problems(empty) { _ in } == ["batch.users: 256, the data set has no users; prepare it again from more events"])
  }

  @Test func scenesAndBehaviorsMustExist() {
    let found = problems {
      $0.targeted = [TargetedConfig(), TargetedConfig()]
      $0.targeted[0].scene = "beuaty"
      $0.targeted[0].behavior = "purchase"
      $0.targeted[1].scene = "toys"
    }
    #expect(
      found == [
        "targeted.0.scene: beuaty, is no scene of the data set; did you mean beauty?",
        "targeted.0.behavior: purchase, is no behavior of the data set; it has review",
      ])
  }

  @Test func textNeedsTokenStates() {
    var bare = facts
    bare.tokenDim = nil
    #expect(problems(bare) { _ in }.first?.contains("run precise encode on it first") == true)
    #expect(problems(bare) { $0.model.semanticDim = 0 } == [])
  }

  @Test func smallCataloguesBoundCutoffsThatWereAskedFor() {
    var small = facts
    small.items = 40
    #expect(problems(small) { $0.universal.negatives = .count(2048) } == [])
    #expect(
      problems(small) { $0.evaluation.cutoffs = [5, 10, 20, 50] } == [
        "evaluation.cutoffs: 50 is more than the catalogue's 40 items; leave it out"
      ])
    #expect(problems(small) { $0.evaluation.cutoffs = [5, 40] } == [])
  }

  @Test(arguments: [
    (46_777, [5, 10, 20, 50], "ndcg@10"), (50, [5, 10, 20, 50], "ndcg@10"), (40, [5, 10, 20, 40], "ndcg@10"),
    (20, [5, 10, 20], "ndcg@10"), (6, [5, 6], "ndcg@6"), (4, [4], "ndcg@4"), (1, [1], "ndcg@1"),
  ])
  func theUsualCutoffsFitAnyCatalogue(items: Int, cutoffs: [Int], metric: String) {
    var evaluation = EvaluationConfig()
    #expect(evaluation.cutoffs(items: items) == cutoffs && evaluation.metric(items: items) == metric)
    evaluation.selectBy = "mrr"
    #expect(evaluation.metric(items: items) == "mrr")
    evaluation.selectBy = "recall@50"
    #expect(cutoffs.map { "recall@\($0)" }.contains(evaluation.metric(items: items)))
    (evaluation.cutoffs, evaluation.selectBy) = ([1, 3], "recall@3")
    #expect(evaluation.cutoffs(items: items) == [1, 3] && evaluation.metric(items: items) == "recall@3")
  }

  @Test(arguments: [("kitten", "sitting", 3), ("ab", "ba", 1), ("", "abc", 3), ("heads", "headz", 1), ("same", "same", 0)])
  func editDistance(a: String, b: String, edits: Int) {
    #expect(Spelling.distance(a, b) == edits)
    #expect(Spelling.distance(b, a) == edits)
  }

  @Test func farWordsAreNoSuggestion() {
    #expect(Spelling.nearest(to: "quux", among: ["users", "heads"]) == nil)
    #expect(Spelling.nearest(to: "Heads", among: ["users", "heads"]) == "heads")
  }
}
