import Config
import TestSupport

extension FuzzTarget {
  /// A configuration, and behind a NUL byte the lines of `--set`; what is taken must come back as it was out of the writer.
  static var config: FuzzTarget {
    FuzzTarget("config", seeds: { _ in [Array(ConfigWriter.text(RunConfig()).utf8), Array(FuzzWorld.configuration.utf8)] }) {
      folder in
      return { input in
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        folder.put("config.yaml", Array(parts[0]))
        let overrides =
          parts.count < 2
          ? [] : parts[1].split(separator: 10, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        attempt { _ = try AblationGrid.read(file: folder.file("config.yaml")) }
        attempt {
          let config = try ConfigReader.read(file: folder.file("config.yaml"), overrides: overrides)
          do {
            let text = ConfigWriter.text(config)
            let again = try ConfigReader.read(text: text, name: "written")
            must(again == config, "not as it was: \(text)")
          } catch {
            fatalError("what was written cannot be read: \(error)")
          }
        }
      }
    }
  }
}
