import Files
package import Foundation
import Reporting
import Runs

/// Runs on one page: a single HTML file that asks for nothing from elsewhere and holds no script.
package struct Report {
  /// What a page is made of.
  package struct Wishes: Sendable {
    /// Sample users of each run.
    package var users = 6
    /// Whether the models are loaded, for the map and the sample users.
    package var loadsModels = true
    /// The program's version.
    package var version: String
    /// When the page is made.
    package var date = Date()

    /// A page by a version of the program.
    package init(version: String) { self.version = version }
  }

  private let runs: [ReportedRun]
  private let models: [ReportedModel]
  private let wishes: Wishes

  /// Gathers what the runs' models say besides; a model that cannot be loaded is said so on the page.
  ///
  /// - Parameter progress: is told what is done next.
  package init(_ runs: [ReportedRun], _ wishes: Wishes, progress: (String) -> Void = { _ in }) {
    (self.runs, self.wishes) = (runs, wishes)
    models = runs.map { run in
      guard wishes.loadsModels else { return .missing("The models were not loaded (--no-model).") }
      if let reason = run.missingDataset { return .missing(reason) }
      progress("loading the model of \(run.name)")
      let items = ModelFacts.mostItems / max(1, min(runs.count, 4))
      do {
        return .facts(try ModelFacts(run, .init(users: wishes.users, items: items)))
      } catch {
        return .missing("The model cannot be loaded: \(error).")
      }
    }
  }

  /// The page.
  package var text: String { "<!DOCTYPE html>\n" + html.text + "\n" }

  private var title: String {
    "Training report: " + runs.map(\.name).joined(separator: ", ")
  }

  private var sections: [Section] {
    let comparison = RunComparison(runs)
    let all: [Section?] = [
      OverviewSection(runs).section, runs.count > 1 ? ComparisonSection(comparison).section : nil,
      ConfigurationSection(runs, comparison).section, CurvesSection(runs).section, MetricsSection(runs).section,
      PopularitySection(runs).section, UnseenSection(runs).section, ExpertsSection(runs).section,
      MapSection(runs, models).section, TimesSection(runs).section, UsersSection(runs, models, count: wishes.users).section,
    ]
    return all.compactMap { $0 }
  }

  private var html: Html {
    let sections = sections
    let head = Html(
      .head, [],
      [
        Html(.meta, [Html.Attribute("charset", "utf-8")]),
        // Nothing is loaded, and nothing is run, whatever stands in the data.
        Html(
          .meta,
          [
            Html.Attribute("http-equiv", "Content-Security-Policy"),
            Html.Attribute("content", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"),
          ]),
        Html(.meta, [Html.Attribute("name", "viewport"), Html.Attribute("content", "width=device-width, initial-scale=1")]),
        Html(.meta, [Html.Attribute("name", "generator"), Html.Attribute("content", "precise \(wishes.version)")]),
        Html(.title, text: title), .style(PageStyle.rules(runs: runs.count)),
      ])
    let contents = Html(
      .nav, [Html.Attribute("aria-label", "Contents")],
      [
        Html(
          .div, [],
          [
            Html(.ol, [], sections.map { Html(.li, [], [Html(.a, [Html.Attribute("href", "#\($0.id)")], text: $0.title)]) })
          ])
      ])
    let body = Html(
      .body, [],
      [
        Html(.a, [.style("skip"), Html.Attribute("href", "#main")], text: "Skip to the report"),
        Html(
          .div, [.style("page-grid")],
          [
            header, contents,
            Html(.main, [.id("main")], [runs.count > 1 ? boxes : .nothing] + sections.map(\.html)),
          ]),
      ])
    return Html(.html, [Html.Attribute("lang", "en")], [head, body])
  }

  private var header: Html {
    let date = ISO8601DateFormatter().string(from: wishes.date)
    return Html(
      .header, [],
      [
        Html(.h1, text: title),
        Html(
          .p, [.style("lead")],
          text: "Made by precise \(wishes.version) at \(date) from the files of \(runs.count == 1 ? "this run" : "these runs")."),
      ])
  }

  /// Which runs are shown.
  private var boxes: Html {
    Html(
      .fieldset, [],
      [Html(.legend, text: "Runs shown")]
        + runs.map { run in
          Html(
            .label, [],
            [
              Html(
                .input,
                [
                  Html.Attribute("type", "checkbox"), .id("show-\(run.index)"), Html.Attribute("checked", "checked"),
                ]), .swatch(run.entry, hasLine: false), .name(run.name),
            ])
        })
  }
}
