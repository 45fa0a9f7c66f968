package import Files
import Model
import Tensors

/// What the numbers of a data set stand for, as far as a model depends on it: another data set may number them otherwise.
package struct CheckpointVocabulary: Codable, Sendable, Equatable {
  /// Where token states come from.
  package struct Encoding: Codable, Sendable, Equatable, CustomStringConvertible {
    /// `hashed`, or the name of a language model.
    package var encoder: String
    /// dt, the width of a state.
    @Bounded<ExtentBounds> package var width: Int
    /// The most states that an item may have.
    @Bounded<ExtentBounds> package var tokens: Int
    /// The checksum of the states (`TokenStates.checksum`); nil in checkpoints from before it was noted.
    package var checksum: String?

    /// Describes an encoding.
    package init(encoder: String, width: Int, tokens: Int, checksum: String? = nil) {
      self.encoder = encoder
      self.width = width
      self.tokens = tokens
      self.checksum = checksum
    }

    /// Whether two encodings turn texts into states of the same kind, if perhaps of other texts.
    package func isSameKind(as other: Encoding) -> Bool {
      encoder == other.encoder && width == other.width && tokens == other.tokens
    }

    /// Whether two encodings are the same states, as far as either knows.
    package func isSame(as other: Encoding) -> Bool {
      isSameKind(as: other) && (checksum == nil || other.checksum == nil || checksum == other.checksum)
    }

    /// `hashed, 16 tokens of 128`.
    package var description: String { "\(encoder), \(tokens) tokens of \(width)" }
  }

  /// The scenes' names, in the order of their embedding's rows.
  package var scenes: [String]
  /// The behaviors' names, in the order of their embedding's rows.
  package var behaviors: [String]
  /// How items' texts became token states; nil when the model reads no text.
  package var encoding: Encoding?

  /// Describes a data set.
  package init(scenes: [String] = [], behaviors: [String] = [], encoding: Encoding? = nil) {
    self.scenes = scenes
    self.behaviors = behaviors
    self.encoding = encoding
  }

  /// Which row of a checkpoint's tensor each row of a parameter is, nil = none, where the numbers of rows may differ; nil for
  /// parameters that are the same in every data set.
  ///
  /// Of `gate_input: concat` the gate has a run of rows for each token of the longest text, and that may have become longer.
  func sources(of parameter: Parameter, in old: CheckpointVocabulary) -> [Int?]? {
    func indices(_ names: [String], _ old: [String]) -> [Int?] {
      let indices = Dictionary(old.enumerated().map { (Identifier($1), $0) }) { first, _ in first }
      return names.map { indices[Identifier($0)] }
    }
    switch parameter.rows {
    case .scenes: return indices(scenes, old.scenes)
    case .behaviors: return indices(behaviors, old.behaviors)
    case .tokens: return (0..<parameter.value.rows).map { $0 }
    case .fixed: return nil
    }
  }
}
