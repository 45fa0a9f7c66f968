import Foundation

/// How a trained phase and the text of items are blended into one score, fitted on events that the phase was not trained on.
///
///     score(u, j) = h_u · a_j e_j + Σ_k β_u ρ_uᵏ t(i_{n−k}) · t_j + γ c(i_n) · c_j
///
/// a_j is `unseenScale` for items without a training event, else 1, or what `tailTemper` gives rare items. c_j is the item's code
/// (`ItemCode`), so that γ is what the newest item itself gains: an item's text is always most similar to itself, and where nobody
/// takes an item twice, that would waste the first place.
/// β and ρ depend on the user's state, cell by cell of a small table: how sure the model is of what it knows well, and how alike the two
/// newest events are by their texts. Who buys one thing after another of a kind is served by text, who goes with the crowd by the model.
/// Ours; docs/model.md, section 7. Fitted afterwards and not trained along: on its own training events a model is surer of itself than
/// it will be on later ones, so that training makes β too small (stacking: Wolpert, "Stacked generalization", 1992).
package struct Blend: Codable, Sendable, Equatable {
  /// The weights of a cell.
  package struct Weights: Codable, Sendable, Equatable {
    /// β, the weight of the newest event's text.
    package var strength: Double
    /// ρ, what an event's weight is multiplied by for each event after it; 0 = only the newest speaks.
    package var decay: Double

    /// Puts weights together.
    package init(strength: Double, decay: Double) { (self.strength, self.decay) = (strength, decay) }

    /// The weights of the newest events, newest first: those that count.
    package var lags: [Float] { Blend.lags(decay).map { Float(strength) * $0 } }
  }

  /// What brings the scores of rarely trained items nearer to the spread of those of the most trained.
  ///
  ///     a = (σ(most) / σ(n))^power,  σ(n) = base + growth · ln n       n: the item's training events
  package struct Temper: Codable, Sendable, Equatable {
    /// How much of the way is gone: 0 = nothing, 1 = every item's scores spread alike.
    package var power: Double
    /// The spread of scores of items with one event.
    package var base: Double
    /// Spread added when the number of events grows by the factor e.
    package var growth: Double
    /// The events of the most trained item.
    package var most: Double

    /// Puts numbers together.
    package init(power: Double, base: Double, growth: Double, most: Double) {
      (self.power, self.base, self.growth, self.most) = (power, base, growth, most)
    }

    /// a of an item with so many training events.
    package func scale(events: UInt32) -> Float {
      func spread(_ events: Double) -> Double { base + growth * log(events) }
      return Float(pow(spread(most) / spread(max(1, Double(events))), power))
    }

    /// Whether every scale is a number of reason.
    package var isPlausible: Bool {
      // ln 10¹⁵ is below 35, so that every scale lies between 1/1000 and 1000.
      (0...1).contains(power) && (1e-30..<1e30).contains(base) && growth >= 0 && 35 * growth <= 1000 * base
        && (1..<1e15).contains(most)
    }
  }

  /// The most events of a history that speak by their text.
  package static let mostEvents = 10

  /// Where the confidence of a cell ends and that of the next begins, rising.
  package var confidenceEdges: [Double]
  /// The same of likeness.
  package var likenessEdges: [Double]
  /// A cell for each confidence and likeness, likeness after likeness.
  package var cells: [Weights]
  /// a of items without a training event: the largest scale that does not cost trained items too much, or that of the spread of items with
  /// few events.
  package var unseenScale = 1.0
  /// Brings rarely trained items up; nil = they stay as they are.
  package var tailTemper: Temper?
  /// γ, what the newest item itself gains; nil = 0, and embeddings without a code.
  package var repeatWeight: Double?
  /// What the text vectors that it was fitted with are known by.
  package var vectors = ""

  /// Puts a blend together.
  package init(confidenceEdges: [Double] = [], likenessEdges: [Double] = [], cells: [Weights]) {
    precondition(cells.count == (confidenceEdges.count + 1) * (likenessEdges.count + 1), "\(cells.count) cells")
    (self.confidenceEdges, self.likenessEdges, self.cells) = (confidenceEdges, likenessEdges, cells)
  }

  /// The cell of a user's state.
  package func cell(confidence: Float, likeness: Float) -> Int {
    Self.index(confidence, confidenceEdges) * (likenessEdges.count + 1) + Self.index(likeness, likenessEdges)
  }

  /// ρᵏ for the events that count, newest first.
  package static func lags(_ decay: Double) -> [Float] {
    (0..<mostEvents).map { Float(pow(decay, Double($0))) }.prefix { $0 >= 0.01 }.map { $0 }
  }

  /// Whether every number can be ranked with.
  package var isPlausible: Bool {
    (confidenceEdges + likenessEdges).allSatisfy(\.isFinite) && confidenceEdges.count < 1000 && likenessEdges.count < 1000
      && cells.count == (confidenceEdges.count + 1) * (likenessEdges.count + 1)
      && cells.allSatisfy { abs($0.strength) < 1e30 && (0...1).contains($0.decay) }
      && unseenScale > 0 && unseenScale < 1e6 && abs(repeatWeight ?? 0) < 1e30
      && tailTemper?.isPlausible != false
  }

  /// How many edges a value has reached.
  private static func index(_ value: Float, _ edges: [Double]) -> Int { edges.count { Double(value) >= $0 } }
}
