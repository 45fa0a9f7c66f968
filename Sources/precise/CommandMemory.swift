import ArgumentParser
import Memory

extension MemoryPurpose {
  /// What a command takes memory for where nothing more is known.
  static func work(of command: any ParsableCommand) -> MemoryPurpose {
    switch command {
    case is SynthCommand: MemoryPurpose("the made-up world", remedy: "lower --users or --items, or give it more memory")
    case is PrepareCommand: MemoryPurpose("ids, texts and events", remedy: "lower --memory, or give it more")
    case is EncodeCommand: MemoryPurpose("token states", remedy: "lower --tokens or --dim, or give it more memory")
    case is TrainCommand: MemoryPurpose("a training", remedy: "see what precise check says of it, and give it more")
    case is EvaluateCommand, is ExportCommand, is RecommendCommand, is ScoreCommand:
      MemoryPurpose("the model and the data set", remedy: "use more hosts, or give it more memory")
    case is BenchCommand, is CheckCommand:
      MemoryPurpose("the configuration's steps", remedy: "lower batch.users or bench.items, or give it more memory")
    default: MemoryPurpose("its work", remedy: "give it more memory")
    }
  }
}
