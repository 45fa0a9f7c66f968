import Pictures

/// The look of a page: system fonts, two sets of colors, one column on a telephone; on paper everything unfolded.
enum PageStyle {
  /// All rules.
  static func rules(runs: Int) -> String {
    ([colors, layout, tables, pictures, Picture.rules, parts, narrow, print] + (0..<runs).map(hiding)).joined(separator: "\n")
  }

  /// A run whose box is not checked is not shown, wherever it is beside others; without a script.
  private static func hiding(_ run: Int) -> String { "body:has(#show-\(run):not(:checked)) .run-\(run) { display: none; }" }

  private static let colors = """
    :root {
      color-scheme: light dark;
      --paper: #fcfcfb; --card: #ffffff; --ink: #1b1f24; --soft: #57606a; --rule: #e2e4e8; --grid: #e6e8eb; --link: #1a4fb4;
      --mark: #e7f0ff; --warn: #8a4b00; --none: #6e7781; \(series(Picture.colors.light))
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #0f1215; --card: #161a1f; --ink: #e3e6ea; --soft: #a0a9b4; --rule: #2a3037; --grid: #2a3037; --link: #8ab4f8;
        --mark: #1d2c45; --warn: #f0b35e; --none: #8b949e; \(series(Picture.colors.dark))
      }
    }
    \(Picture.colors.light.indices.map { ".series-\($0) { color: var(--series-\($0)); }" }.joined(separator: " "))
    .series-none { color: var(--none); }
    """

  private static func series(_ colors: [String]) -> String {
    colors.enumerated().map { "--series-\($0): \($1);" }.joined(separator: " ")
  }

  private static let layout = """
    *, ::before, ::after { box-sizing: border-box; }
    html { scroll-behavior: smooth; scroll-padding-top: 4.5rem; -webkit-text-size-adjust: 100%; }
    @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
    body {
      margin: 0; background: var(--paper); color: var(--ink);
      font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
    }
    .page-grid {
      display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 2.5rem; max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem;
    }
    header { grid-column: 1 / -1; margin-bottom: 1.5rem; }
    main, section { min-width: 0; }
    nav { font-size: .875rem; }
    nav > div { position: sticky; top: 1.5rem; }
    nav ol { list-style: none; margin: 0; padding: 0; border-left: 1px solid var(--rule); }
    nav a { display: block; padding: .2rem 0 .2rem .9rem; color: var(--soft); text-decoration: none; }
    nav a:hover { color: var(--ink); text-decoration: underline; }
    a { color: var(--link); }
    :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
    .skip { position: absolute; left: -100rem; }
    .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 2; }
    h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; overflow-wrap: anywhere; }
    h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .8rem; padding-top: .2rem; letter-spacing: -.005em; }
    h3 { font-size: 1.05rem; margin: 1.8rem 0 .6rem; overflow-wrap: anywhere; }
    h4 { font-size: .95rem; margin: 1.2rem 0 .4rem; overflow-wrap: anywhere; }
    section { margin-bottom: 3.2rem; }
    p { margin: 0 0 .8rem; max-width: 46rem; }
    code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
    .lead, .note, small { color: var(--soft); }
    .lead { max-width: 46rem; margin: 0; }
    .note { font-size: .875rem; }
    .missing { border-left: 3px solid var(--rule); padding: .1rem 0 .1rem .9rem; color: var(--soft); overflow-wrap: anywhere; }
    .warning { border-left: 3px solid var(--warn); padding: .1rem 0 .1rem .9rem; overflow-wrap: anywhere; }
    """

  private static let tables = """
    .scroll { overflow-x: auto; margin: .4rem 0 1rem; max-width: 100%; }
    table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
    caption { text-align: left; color: var(--soft); padding: 0 0 .35rem; }
    caption span { position: sticky; left: 0; display: inline-block; max-width: min(44rem, calc(100vw - 5rem)); }
    th, td { padding: .28rem .8rem .28rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
    th:last-child, td:last-child { padding-right: .2rem; }
    th { font-weight: 500; }
    thead th { color: var(--soft); border-bottom-color: var(--soft); vertical-align: bottom; }
    tbody th { white-space: nowrap; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
    .n { text-align: right; } td.n { white-space: nowrap; }
    thead .n { min-width: 3.2rem; }
    td.w { overflow-wrap: anywhere; min-width: 6rem; }
    .error { color: var(--soft); font-size: .92em; }
    .beyond { font-weight: 600; }
    details { margin: .4rem 0; }
    summary { cursor: pointer; color: var(--soft); font-size: .875rem; width: fit-content; }
    summary:hover { color: var(--ink); }
    details .scroll { max-height: 26rem; overflow-y: auto; }
    """

  private static let pictures = """
    .grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.2rem 1.6rem; margin: .6rem 0 1rem; }
    figure { margin: 0; min-width: 0; }
    .grid > figure:only-child { max-width: 27rem; }
    .grid > div { min-width: 0; }
    figcaption { font-size: .9rem; margin-bottom: .3rem; }
    .picture { display: block; width: 100%; height: auto; overflow: visible; }
    .picture text { font-family: inherit; }
    .picture .text { fill: var(--soft); font-size: 12px; }
    .picture .title { fill: var(--ink); font-size: 13px; font-weight: 600; }
    .picture .line { stroke: var(--grid); }
    .picture .pin { stroke: var(--ink); stroke-width: 2; }
    .picture .frame { fill: none; stroke: var(--grid); }
    .picture .place { opacity: .62; }
    .picture .place:hover, .picture .hit:hover { opacity: 1; }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .3rem 0 .2rem; padding: 0; font-size: .82rem; color: var(--soft); }
    .legend li { display: flex; align-items: center; gap: .35rem; min-width: 0; overflow-wrap: anywhere; }
    .swatch { width: 26px; height: 12px; flex: none; } .swatch.small { width: 12px; }
    """

  private static let parts = """
    .card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 1rem 1.15rem; min-width: 0; }
    .card h3 { margin-top: 0; }
    .facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem; margin: 0 0 .8rem; font-size: .9rem; }
    .facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
    .state { font-size: .8rem; border: 1px solid currentColor; border-radius: 1rem; padding: .05rem .6rem; margin-left: .5rem; font-weight: 500; white-space: nowrap; }
    .state-finished { color: var(--series-2); } .state-running { color: var(--series-0); }
    .state-failed { color: var(--series-4); } .state-stopped { color: var(--warn); }
    input { accent-color: var(--link); }
    fieldset { position: sticky; top: 0; z-index: 1; background: var(--paper); border: 1px solid var(--rule); border-radius: 8px; margin: 0 0 1.5rem; padding: .3rem 1rem .6rem; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; }
    legend { color: var(--soft); font-size: .85rem; padding: 0 .4rem; }
    label { display: flex; align-items: center; gap: .4rem; font-size: .9rem; overflow-wrap: anywhere; }
    .tiles { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; margin: 0 0 1rem; }
    .tile strong { display: block; white-space: nowrap; font-size: 1.5rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; }
    .tile strong .error { font-size: .9rem; font-weight: 400; }
    .tile { font-size: .85rem; color: var(--soft); } .tile strong { color: var(--ink); }
    .stack { display: grid; gap: 1.2rem; }
    .people { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1.2rem; }
    .people h4 { margin-top: .2rem; }
    .lists { list-style: none; margin: 0; padding: 0; font-size: .875rem; }
    .lists li { padding: .22rem .4rem; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
    .lists .found { background: var(--mark); border-radius: 4px; }
    .lists small { display: inline-block; max-width: 100%; }
    .lists .why { display: block; }
    """

  private static let narrow = """
    @media (max-width: 60rem) {
      .page-grid { display: block; padding: 1.2rem 1rem 3rem; }
      nav { margin-bottom: 2rem; }
      nav > div { position: static; }
      nav ol { border: 0; display: flex; flex-wrap: wrap; gap: 0 1rem; }
      nav a { padding: .25rem 0; }
      h1 { font-size: 1.5rem; }
      tbody th { white-space: normal; min-width: 6.5rem; max-width: 14rem; overflow-wrap: anywhere; }
      .facts { grid-template-columns: 1fr; } .facts dd { margin-bottom: .3rem; }
      .picture .text { font-size: 13.5px; } .picture.wide .text { font-size: 22px; }
      fieldset { position: static; }
    }
    """

  private static let print = """
    @media print {
      :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; --grid: #ddd; }
      .page-grid { display: block; max-width: none; padding: 0 .4rem; }
      nav, .skip, fieldset, summary { display: none; }
      details::details-content { content-visibility: visible; display: block; height: auto; }
      details .scroll { max-height: none; } .scroll { overflow: visible; }
      figure, .card, tr { break-inside: avoid; } h2, h3, figcaption { break-after: avoid; }
    }
    """
}
