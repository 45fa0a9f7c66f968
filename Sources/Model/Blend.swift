import Foundation

/// How a trained phase and the text of items are blended into one score, fitted on events that the phase was not trained on.
///
///     score(u, j) = h_u · a_j e_j + Σ_k β ρᵏ t(i_{n−k}) · t_j        a_j: `unseenScale` for items without a training event, else 1
///
/// Ours; docs/model.md, section 7. Fitted afterwards and not trained along: on its own training events a model is surer of itself than
/// it will be on later ones, so that training makes β too small (stacking: Wolpert, "Stacked generalization", 1992).
public struct Blend: Codable, Sendable, Equatable {
  /// The most events of a history that speak by their text.
  public static let mostEvents = 10

  /// β, the weight of the newest event's text.
  public var strength: Double
  /// ρ, what an event's weight is multiplied by for each event after it; 0 = only the newest speaks.
  public var decay: Double
  /// a of items without a training event: brings the spread of their scores to that of an item with a few.
  public var unseenScale: Double

  /// The checksum of the text vectors that it was fitted with, eight hexadecimal digits.
  public var vectors = ""

  /// Puts a blend together; nothing but the model by default.
  public init(strength: Double = 0, decay: Double = 0, unseenScale: Double = 1) {
    (self.strength, self.decay, self.unseenScale) = (strength, decay, unseenScale)
  }

  /// The weights of the newest events, newest first: those that count.
  public var lagWeights: [Float] { Self.lags(decay).map { Float(strength) * $0 } }

  /// ρᵏ for the events that count, newest first.
  public static func lags(_ decay: Double) -> [Float] {
    (0..<mostEvents).map { Float(pow(decay, Double($0))) }.prefix { $0 >= 0.01 }.map { $0 }
  }

  /// Whether every number can be ranked with.
  public var isPlausible: Bool {
    strength.isFinite && abs(strength) < 1e6 && (0...1).contains(decay) && unseenScale.isFinite && unseenScale > 0
      && unseenScale < 1e6
  }
}
