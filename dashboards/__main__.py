"""`python -m dashboards`: writes the files that Grafana reads."""

from dashboards.files import files


def main() -> None:
    """Write all of them, and say which."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path)


if __name__ == "__main__":
    main()
