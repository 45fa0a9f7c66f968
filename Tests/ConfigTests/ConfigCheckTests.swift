import Testing

@testable import Config

struct ConfigCheckTests {
  private let facts = DatasetFacts(
    scenes: ["beauty", "clothing", "toys"], behaviors: ["review"], shards: 64, items: 46_777, users: 72_803, tokenDim: 384,
    tokens: 16)

  private func problems(_ facts: DatasetFacts? = nil, _ change: (inout RunConfig) -> Void) -> [String] {
    var config = RunConfig()
    change(&config)
    return ConfigCheck.problems(config, facts: facts ?? self.facts).map(\.description)
  }

  @Test func theDefaultsFit() {
    #expect(problems { _ in } == [])
  }

  @Test(arguments: [(100, "try 64 or 128"), (1, "try 64"), (300, "try 256 or 320")])
  func everyShardGivesTheSameNumberOfUsers(users: Int, suggestion: String) {
    let rule =
      "batch.users: \(users), must be a multiple of the data set's 64 virtual shards, each of which gives the same number of users "
      + "to a step; \(suggestion), or prepare the data set with fewer --virtual-shards"
    #expect(problems { $0.batch.users = users } == [rule])
  }

  @Test(arguments: [943, 63, 1])
  func fewUsersAreNoFault(users: Int) {
    // Batches cope with empty shards and go round in small ones.
    var small = facts
    small.users = users
    #expect(problems(small) { $0.batch.users = 1024 } == [])
  }

  @Test func noUsersAtAllAreAFault() {
    var empty = facts
    empty.users = 0
    #expect(problems(empty) { _ in } == ["batch.users: 256, the data set has no users; prepare it again from more events"])
  }

  @Test func scenesAndBehavioursMustExist() {
    let found = problems {
      $0.targeted = [TargetedConfig(), TargetedConfig()]
      $0.targeted[0].scene = "beuaty"
      $0.targeted[0].behavior = "purchase"
      $0.targeted[1].scene = "toys"
    }
    #expect(
      found == [
        "targeted.0.scene: beuaty, is no scene of the data set; did you mean beauty?",
        "targeted.0.behavior: purchase, is no behaviour of the data set; it has review",
      ])
  }

  @Test func textNeedsTokenStates() {
    var bare = facts
    bare.tokenDim = nil
    #expect(problems(bare) { _ in }.first?.contains("run precise encode on it first") == true)
    #expect(problems(bare) { $0.model.semanticDim = 0 } == [])
  }

  @Test func smallCataloguesBoundCutoffs() {
    var small = facts
    small.items = 40
    let found = problems(small) {
      $0.universal.negatives = .count(2048)
    }
    #expect(
      found == [
        "evaluation.cutoffs: 50 is more than the catalogue's 40 items; leave it out"
      ])
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
