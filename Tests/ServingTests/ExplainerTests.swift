import Datasets
import Evaluation
import Model
import Runs
import Tensors
import Testing
import Texts

@testable import Serving

/// Why items are recommended: parts of scores, and events that items are like.
struct ExplainerTests {
  private func events(_ served: ServedModel, _ user: Int) throws -> UserEvents {
    try #require(try Lookup(served.dataset).events(ofUser: "u\(user)"))
  }

  private func everything(_ served: ServedModel, _ events: UserEvents) throws -> (scores: [Float], why: [Explanation]) {
    var rules = Recommender.Rules()
    rules.count = served.dataset.items.count
    let found = try Recommender(served, rules: rules).recommend([events])[0].items
    let why = try Explainer(served).explain(found.map(\.item), to: events)
    #expect(why.map(\.item) == found.map(\.item) && why.count == ServedWorld.items)
    return (found.map(\.score), why)
  }

  @Test(arguments: ["universal", "like"]) func theModelAloneIsTheWholeScore(phase: String) throws {
    let served = try ServedWorld.hashed().served(phase)
    #expect(served.catalogue.text == nil)
    for user in [0, 7, 23] {
      let (scores, why) = try everything(served, events(served, user))
      for (score, entry) in zip(scores, why) {
        #expect(abs(entry.model - score) < 1e-5 * max(1, abs(score)))
        #expect(entry.text == nil && entry.newest == nil && entry.textEvents.isEmpty && entry.score == entry.model)
      }
    }
  }

  @Test(arguments: ["universal", "like"]) func partsAddUpToTheScore(phase: String) throws {
    let served = try ServedWorld.blended().served(phase)
    var (texts, newest): ([Float], [Float]) = ([], [])
    for user in 0..<ServedWorld.users {
      let events = try events(served, user)
      let (scores, why) = try everything(served, events)
      for (score, entry) in zip(scores, why) {
        let (text, code) = (try #require(entry.text), try #require(entry.newest))
        #expect(abs(entry.model + text + code - score) < 1e-4 * max(1, abs(score)), "item \(entry.item)")
        // Each event's text is a share of the text's part.
        let shares = entry.textEvents.reduce(0) { $0 + $1.value }
        #expect(abs(shares - text) < 1e-4 * max(1, abs(text)), "item \(entry.item)")
        #expect(entry.textEvents.map(\.index) == entry.textEvents.map(\.index).sorted(by: >))
        texts.append(text)
        newest.append(code)
      }
      // γ is what the newest item gains, and whoever shares its code; of the others it is nothing.
      let last = Int(try #require(events.items.last))
      for entry in why {
        #expect(entry.newest == (ItemCode.column(entry.item) == ItemCode.column(last) ? -2 : 0), "item \(entry.item)")
      }
    }
    #expect(texts.contains { $0 > 0.1 } && newest.contains { $0 < 0 })
  }

  /// A text's share by hand: the weight of the user's cell, times the product of two text vectors.
  @Test func sharesAreProductsOfTexts() throws {
    let served = try ServedWorld.blended().served("universal")
    let text = try #require(served.catalogue.text)
    let events = try events(served, 11)
    func vector(_ item: Int) -> [Float] {
      var values = [Float](repeating: 0, count: text.vectors.width)
      values.withUnsafeMutableBufferPointer { text.vectors.copy(item, into: $0.baseAddress!) }
      return values
    }
    let why = try everything(served, events).why
    // Six events are read.
    let cells = text.blend.cells.map { cell in min(6, cell.lags.count) }
    for entry in why {
      #expect(cells.contains(entry.textEvents.count) && entry.textEvents[0].index == events.count - 1)
      let products = entry.textEvents.map { event in
        zip(vector(Int(events.items[event.index])), vector(entry.item)).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      }
      // One weight an event, whatever the item.
      for (event, product) in zip(entry.textEvents, products) where abs(product) > 0.01 {
        let weight = event.value / product
        #expect(text.blend.cells.contains { cell in cell.lags.contains { abs($0 - weight) < 1e-3 * max(1, abs(weight)) } })
      }
    }
  }

  /// Embeddings of a table made by hand: an item is most like the event whose row points the same way.
  @Test func theEventThatIsMostAlike() throws {
    let served = try ServedWorld.hashed().served("universal")
    let events = try events(served, 5)
    let items = served.catalogue.embeddings
    // The last six events are read. Four of their items get a direction of their own, each longer than the one before.
    let read = Array(events.items.suffix(6)).map(Int.init)
    #expect(Set(read).count >= 4)
    for row in 0..<items.rows { items.rows(row..<row + 1).clear() }
    let distinct = read.reduce(into: [Int]()) { if !$0.contains($1) { $0.append($1) } }
    for (column, item) in distinct.prefix(4).enumerated() { items[item, column] = [1, 10, 100, 1_000][column] }
    let candidates = (0..<items.rows).filter { !events.items.contains(Int32($0)) }.prefix(5)
    for (column, item) in candidates.prefix(4).enumerated() {
      // A product would choose the longer event, a cosine chooses this.
      items[item, column] = 2
      items[item, (column + 1) % 4] = 1
    }
    let why = try Explainer(served).explain(Array(candidates), to: events)
    for (column, entry) in why.prefix(4).enumerated() {
      let like = try #require(entry.mostLike)
      #expect(Int(events.items[like.index]) == distinct[column])
      #expect(like.index == events.items.lastIndex(of: Int32(distinct[column])), "the newest of equal ones")
      #expect(abs(like.value - 2 / Float(5).squareRoot()) < 1e-6)
    }
    // An embedding of zeros is like nothing.
    #expect(why[4].mostLike == nil)
  }

  /// The cosine is that of `similar(to:)`, and of an item that the user had, 1.
  @Test func cosinesAreThoseOfSimilarItems() throws {
    for world in [try ServedWorld.hashed(), try .blended()] {
      let served = try world.served("universal")
      var rules = Recommender.Rules()
      rules.count = 1_000
      let recommender = try Recommender(served, rules: rules)
      let events = try events(served, 3)
      let read = events.items.suffix(6).map(Int.init)
      for entry in try everything(served, events).why {
        let like = try #require(entry.mostLike)
        #expect(like.index >= events.count - 6)
        let similar = recommender.similar(to: entry.item).items
        let expected = read.contains(entry.item) ? 1 : similar.first { read.contains($0.item) }?.score
        #expect(abs(like.value - (try #require(expected))) < 1e-5, "item \(entry.item)")
      }
    }
  }

  @Test func noItemsAreExplainedByNothing() throws {
    let served = try ServedWorld.blended().served("universal")
    #expect(try Explainer(served).explain([], to: events(served, 1)).isEmpty)
  }
}
