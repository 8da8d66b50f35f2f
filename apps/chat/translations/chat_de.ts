<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Link</name>
    <message>
        <source>Open this link?</source>
        <translation>Diesen Link öffnen?</translation>
    </message>
    <message>
        <source>The text links to:

%1

Open it in the browser?</source>
        <translation>Der Text verweist auf:

%1

Im Browser öffnen?</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Converse with a model in a window. Nothing leaves this machine.</source>
        <translation>Gespräche mit einem Modell in einem Fenster. Nichts verlässt diesen Rechner.</translation>
    </message>
    <message>
        <source>A GGUF file to load.</source>
        <translation>Eine GGUF-Datei, die geladen wird.</translation>
    </message>
    <message>
        <source>A device by number, UUID or a part of its name.</source>
        <translation>Ein Gerät nach Nummer, UUID oder Teil des Namens.</translation>
    </message>
    <message>
        <source>The folder in which chats are kept.</source>
        <translation>Der Ordner, in dem Chats behalten werden.</translation>
    </message>
    <message>
        <source>Pumice Chat is already open for %1.</source>
        <translation>Pumice Chat ist für %1 schon geöffnet.</translation>
    </message>
</context>
<context>
    <name>pumice_chat::BenchPage</name>
    <message>
        <source>Measures the loaded model on this machine with “pumice bench”, a program of its own, which checks the results first. Replies that run meanwhile make it slower.</source>
        <translation>Misst das geladene Modell auf diesem Rechner mit „pumice bench“, einem eigenen Programm, das zuerst die Ergebnisse prüft. Antworten, die währenddessen laufen, bremsen es.</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <source>Stop measuring</source>
        <translation>Messung anhalten</translation>
    </message>
    <message>
        <source>Keep the result…</source>
        <translation>Ergebnis behalten …</translation>
    </message>
    <message>
        <source>Compare with a file…</source>
        <translation>Mit einer Datei vergleichen …</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>Ergebnisse</translation>
    </message>
    <message>
        <source>Device and test</source>
        <translation>Gerät und Test</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Tokens</translation>
    </message>
    <message>
        <source>Depth</source>
        <translation>Tiefe</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>Tokens/s</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>Erstes Token</translation>
    </message>
    <message>
        <source>Checked</source>
        <translation>Geprüft</translation>
    </message>
    <message>
        <source>What the program says</source>
        <translation>Was das Programm sagt</translation>
    </message>
    <message>
        <source>The program “pumice” does not lie beside this one.</source>
        <translation>Das Programm „pumice“ liegt nicht neben diesem.</translation>
    </message>
    <message>
        <source>Ended with code %1.</source>
        <translation>Mit Code %1 beendet.</translation>
    </message>
    <message>
        <source>this machine, now</source>
        <translation>dieser Rechner, jetzt</translation>
    </message>
    <message>
        <source>%1, %2 (%3)</source>
        <translation>%1, %2 (%3)</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 ms</translation>
    </message>
    <message>
        <source>Compare with a file</source>
        <translation>Mit einer Datei vergleichen</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 is no result of “pumice bench --json”.</source>
        <translation>%1 ist kein Ergebnis von „pumice bench --json“.</translation>
    </message>
    <message>
        <source>Keep the result</source>
        <translation>Ergebnis behalten</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>%1 kann nicht geschrieben werden: %2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CacheMap</name>
    <message>
        <source>Map of the pages</source>
        <translation>Karte der Seiten</translation>
    </message>
    <message>
        <source>held by a branch</source>
        <translation>von einem Zweig gehalten</translation>
    </message>
    <message>
        <source>shared by branches</source>
        <translation>von Zweigen geteilt</translation>
    </message>
    <message>
        <source>cached, to be found again</source>
        <translation>im Cache, wiederzufinden</translation>
    </message>
    <message>
        <source>came from RAM</source>
        <translation>aus dem RAM gekommen</translation>
    </message>
    <message>
        <source>came from disk</source>
        <translation>von der Platte gekommen</translation>
    </message>
    <message>
        <source>free</source>
        <translation>frei</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>Page %1: %2</source>
        <translation>Seite %1: %2</translation>
    </message>
    <message>
        <source>Tokens %1 to %2 of its text, in %3 branches, found again %4 times</source>
        <translation>Tokens %1 bis %2 ihres Textes, in %3 Zweigen, %4-mal wiedergefunden</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>Systemprompt</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Sie</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>Antwort</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CachePage</name>
    <message>
        <source>Keys and values of what the model has read, in pages. What two branches share is there once; what no branch holds stays until the room is needed.</source>
        <translation>Schlüssel und Werte dessen, was das Modell gelesen hat, in Seiten. Was zwei Zweige teilen, ist einmal da; was kein Zweig hält, bleibt, bis der Platz gebraucht wird.</translation>
    </message>
    <message>
        <source>Branches that are held</source>
        <translation>Gehaltene Zweige</translation>
    </message>
    <message>
        <source>Branch of</source>
        <translation>Zweig von</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Tokens</translation>
    </message>
    <message>
        <source>Leave the GPU to others:</source>
        <translation>Anderen von der GPU lassen:</translation>
    </message>
    <message>
        <source>Leave the GPU to others</source>
        <translation>Anderen von der GPU lassen</translation>
    </message>
    <message>
        <source>Empty the cache</source>
        <translation>Cache leeren</translation>
    </message>
    <message>
        <source>all of it is used</source>
        <translation>alles wird genutzt</translation>
    </message>
    <message>
        <source>%1 %: at most %2 ms of each 1/60 s are used</source>
        <translation>%1 %: höchstens %2 ms je 1/60 s werden genutzt</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>Das Modell wird geladen.</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>Es ist kein Modell geladen.</translation>
    </message>
    <message>
        <source>%1 pages of %2 tokens (%3); %4 of memory in use on the device.</source>
        <translation>%1 Seiten zu %2 Tokens (%3); %4 Speicher auf dem Gerät in Gebrauch.</translation>
    </message>
    <message>
        <source>Looked for %1 pages, found %2: %3 on the device, %4 in RAM, %5 on disk. About %6 s of reading were saved.</source>
        <translation>%1 Seiten gesucht, %2 gefunden: %3 auf dem Gerät, %4 im RAM, %5 auf der Platte. Etwa %6 s Lesen wurden gespart.</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>replies</source>
        <translation>antwortet</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>State, or pages</source>
        <translation>Zustand oder Seiten</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatList</name>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>New chat (Ctrl+N)</source>
        <translation>Neuer Chat (Strg+N)</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>Alle Chats durchsuchen</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>Chats</translation>
    </message>
    <message>
        <source>Folder %1</source>
        <translation>Ordner %1</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>Chat</translation>
    </message>
    <message>
        <source>%1, pinned</source>
        <translation>%1, angeheftet</translation>
    </message>
    <message>
        <source>%1, in %2</source>
        <translation>%1, in %2</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>Nichts gefunden</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatPage</name>
    <message>
        <source>Context in use</source>
        <translation>Kontext in Gebrauch</translation>
    </message>
    <message>
        <source>Editing your message: it becomes a new branch.</source>
        <translation>Sie bearbeiten Ihre Nachricht: Sie wird ein neuer Zweig.</translation>
    </message>
    <message>
        <source>Editing the reply: it becomes a new branch.</source>
        <translation>Sie bearbeiten die Antwort: Sie wird ein neuer Zweig.</translation>
    </message>
    <message>
        <source>Delete this message?</source>
        <translation>Diese Nachricht löschen?</translation>
    </message>
    <message>
        <source>Delete this message and all that follows it on this branch?
This cannot be undone.</source>
        <translation>Diese Nachricht und alles löschen, was auf diesem Zweig folgt?
Das lässt sich nicht rückgängig machen.</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>In einen neuen Chat abzweigen</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>Ab hier löschen …</translation>
    </message>
    <message>
        <source>%1 was not taught to converse: it goes on with what you write, as one text.
Begin a story: “Once upon a time there was a fox who”

The page Models shows what else is on this machine.</source>
        <translation>%1 hat nicht gelernt, Gespräche zu führen: Es schreibt fort, was Sie schreiben, als einen Text.
Beginnen Sie eine Geschichte, auf Englisch: “Once upon a time there was a fox who”

Die Seite Modelle zeigt, was sonst auf diesem Rechner ist.</translation>
    </message>
    <message>
        <source>%1 is ready.</source>
        <translation>%1 ist bereit.</translation>
    </message>
    <message>
        <source>The model is being loaded. You can write meanwhile.</source>
        <translation>Das Modell wird geladen. Sie können schon schreiben.</translation>
    </message>
    <message>
        <source>No model is loaded. The page Models shows what is on this machine.</source>
        <translation>Es ist kein Modell geladen. Die Seite Modelle zeigt, was auf diesem Rechner ist.</translation>
    </message>
    <message>
        <source>Context %1 of %2 tokens; the next reply keeps %3 and computes %4.</source>
        <translation>Kontext %1 von %2 Tokens; die nächste Antwort behält %3 und rechnet %4.</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) will be dropped.</source>
        <translation>
            <numerusform>Die älteste Nachricht fällt weg.</numerusform>
            <numerusform>Die ältesten %n Nachrichten fallen weg.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::CodePiece</name>
    <message>
        <source>code</source>
        <translation>Code</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Copy this code</source>
        <translation>Diesen Code kopieren</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <source>Code, %1</source>
        <translation>Code, %1</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
</context>
<context>
    <name>pumice_chat::Composer</name>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Do not edit</source>
        <translation>Nicht bearbeiten</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>Dateien anhängen</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
    <message>
        <source>Send the message (Enter)</source>
        <translation>Nachricht senden (Eingabe)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Stop the reply (Esc)</source>
        <translation>Antwort anhalten (Esc)</translation>
    </message>
    <message>
        <source>%1: this model sees no pictures. Load one with a projector (mmproj).</source>
        <translation>%1: Dieses Modell sieht keine Bilder. Laden Sie eines mit Projektor (mmproj).</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>%1 kann nicht gelesen werden: %2</translation>
    </message>
    <message>
        <source>%1 is no text of at most 1 MiB (UTF-8).</source>
        <translation>%1 ist kein Text von höchstens 1 MiB (UTF-8).</translation>
    </message>
    <message>
        <source>Take %1 away</source>
        <translation>%1 entfernen</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ComposerText</name>
    <message>
        <source>Write a message. Enter sends, Shift+Enter starts a new line.</source>
        <translation>Schreiben Sie eine Nachricht. Eingabe sendet, Umschalt+Eingabe beginnt eine Zeile.</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>Nachricht</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MainWindow</name>
    <message>
        <source>Pumice Chat</source>
        <translation>Pumice Chat</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>Laden des Modells</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Cancel loading the model</source>
        <translation>Laden des Modells abbrechen</translation>
    </message>
    <message>
        <source>Notice</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Close this notice</source>
        <translation>Hinweis schließen</translation>
    </message>
    <message>
        <source>The file of the chats was damaged. It lies untouched in %1; %2 chats and %3 messages were read from it and are here.</source>
        <translation>Die Datei der Chats war beschädigt. Sie liegt unverändert in %1; %2 Chats und %3 Nachrichten wurden aus ihr gelesen und sind hier.</translation>
    </message>
    <message>
        <source>%1 cannot be written (%2). You see what it has, and nothing new is kept. Make the file and its folder writable, or start with --data FOLDER.</source>
        <translation>%1 kann nicht geschrieben werden (%2). Sie sehen, was darin ist, und Neues wird nicht behalten. Machen Sie Datei und Ordner beschreibbar, oder starten Sie mit --data ORDNER.</translation>
    </message>
    <message>
        <source>A later version of this program has written %1. It is left as it is, and nothing is kept now. Use that version, or start with --data FOLDER.</source>
        <translation>Eine spätere Version dieses Programms hat %1 geschrieben. Die Datei bleibt, wie sie ist, und jetzt wird nichts behalten. Nehmen Sie jene Version, oder starten Sie mit --data ORDNER.</translation>
    </message>
    <message>
        <source>Chats cannot be kept in %1 (%2): nothing is kept now. Make room or make the folder writable, or start with --data FOLDER.</source>
        <translation>In %1 können keine Chats behalten werden (%2): Jetzt wird nichts behalten. Schaffen Sie Platz oder machen Sie den Ordner beschreibbar, oder starten Sie mit --data ORDNER.</translation>
    </message>
    <message>
        <source>The disk is full, so this could not be kept in %1. Make room there; it is tried again by itself.</source>
        <translation>Die Platte ist voll, daher konnte dies nicht in %1 behalten werden. Schaffen Sie dort Platz; es wird von selbst erneut versucht.</translation>
    </message>
    <message>
        <source>%1 cannot be written. Make the file and its folder writable; it is tried again by itself.</source>
        <translation>%1 kann nicht geschrieben werden. Machen Sie Datei und Ordner beschreibbar; es wird von selbst erneut versucht.</translation>
    </message>
    <message>
        <source>Another program has %1 open. Close it; it is tried again by itself.</source>
        <translation>Ein anderes Programm hat %1 geöffnet. Schließen Sie es; es wird von selbst erneut versucht.</translation>
    </message>
    <message>
        <source>This could not be kept in %1: %2</source>
        <translation>Dies konnte nicht in %1 behalten werden: %2</translation>
    </message>
    <message>
        <source>Your message is still below: send it again.</source>
        <translation>Ihre Nachricht steht noch unten: Senden Sie sie erneut.</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Neuer Chat</translation>
    </message>
    <message>
        <source>%1 – Pumice Chat</source>
        <translation>%1 – Pumice Chat</translation>
    </message>
    <message>
        <source>%1 on the CPU (%2); this is slow</source>
        <translation>%1 auf dem Prozessor (%2); das ist langsam</translation>
    </message>
    <message>
        <source>%1 on %2</source>
        <translation>%1 auf %2</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>%1 wird geladen</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>Kein Modell</translation>
    </message>
    <message>
        <source>%1 cannot be loaded: %2</source>
        <translation>%1 kann nicht geladen werden: %2</translation>
    </message>
    <message>
        <source>&amp;Chat</source>
        <translation>&amp;Chat</translation>
    </message>
    <message>
        <source>&amp;Message</source>
        <translation>&amp;Nachricht</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <source>Shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>About Pumice Chat</source>
        <translation>Über Pumice Chat</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>Alle Chats durchsuchen</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>Umbenennen …</translation>
    </message>
    <message>
        <source>Pin or unpin</source>
        <translation>Anheften oder lösen</translation>
    </message>
    <message>
        <source>Move to a folder…</source>
        <translation>In einen Ordner verschieben …</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>Importieren …</translation>
    </message>
    <message>
        <source>Export as Markdown…</source>
        <translation>Als Markdown exportieren …</translation>
    </message>
    <message>
        <source>Export as JSON…</source>
        <translation>Als JSON exportieren …</translation>
    </message>
    <message>
        <source>Delete chat…</source>
        <translation>Chat löschen …</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>Schreiben</translation>
    </message>
    <message>
        <source>Attach files…</source>
        <translation>Dateien anhängen …</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>Another reply</source>
        <translation>Andere Antwort</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>Bearbeiten</translation>
    </message>
    <message>
        <source>Copy message</source>
        <translation>Nachricht kopieren</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>Voriger Zweig</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>Nächster Zweig</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>In einen neuen Chat abzweigen</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>Ab hier löschen …</translation>
    </message>
    <message>
        <source>Commands…</source>
        <translation>Befehle …</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV-Cache</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>Messung</translation>
    </message>
    <message>
        <source>Settings of the chat</source>
        <translation>Einstellungen des Chats</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>Größere Schrift</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>Kleinere Schrift</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <source>Title:</source>
        <translation>Titel:</translation>
    </message>
    <message>
        <source>Move to a folder</source>
        <translation>In einen Ordner verschieben</translation>
    </message>
    <message>
        <source>Folder (empty: none):</source>
        <translation>Ordner (leer: keiner):</translation>
    </message>
    <message>
        <source>Delete chat</source>
        <translation>Chat löschen</translation>
    </message>
    <message>
        <source>Delete “%1” with all its branches? This cannot be undone.</source>
        <translation>„%1“ mit allen Zweigen löschen? Das lässt sich nicht rückgängig machen.</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>Lösen</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>Anheften</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>%1 kann nicht geschrieben werden: %2</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>Importieren</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>%1 kann nicht gelesen werden: %2</translation>
    </message>
    <message>
        <source>%1 is no chat that this program or &apos;pumice chat&apos; has written.</source>
        <translation>%1 ist kein Chat, den dieses Programm oder „pumice chat“ geschrieben hat.</translation>
    </message>
    <message>
        <source>Pumice Chat %1

Converses with models on this machine&apos;s GPU through Vulkan. Nothing leaves this machine.</source>
        <translation>Pumice Chat %1

Führt über Vulkan Gespräche mit Modellen auf der GPU dieses Rechners. Nichts verlässt diesen Rechner.</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>Chat</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageList</name>
    <message>
        <source>Messages</source>
        <translation>Nachrichten</translation>
    </message>
    <message>
        <source>Show earlier messages</source>
        <translation>Frühere Nachrichten zeigen</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageWidget</name>
    <message>
        <source>Stopped by you.</source>
        <translation>Von Ihnen angehalten.</translation>
    </message>
    <message>
        <source>The program ended before this reply did.</source>
        <translation>Das Programm endete vor dieser Antwort.</translation>
    </message>
    <message>
        <source>No reply: %1</source>
        <translation>Keine Antwort: %1</translation>
    </message>
    <message>
        <source>Cut: this is as long as the settings allow.</source>
        <translation>Abgeschnitten: Länger lassen es die Einstellungen nicht zu.</translation>
    </message>
    <message>
        <source>Cut: the model&apos;s context is full.</source>
        <translation>Abgeschnitten: Der Kontext des Modells ist voll.</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Sie</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>Voriger Zweig</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>Nächster Zweig</translation>
    </message>
    <message>
        <source>Stop this reply</source>
        <translation>Diese Antwort anhalten</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Copy this message</source>
        <translation>Diese Nachricht kopieren</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>Bearbeiten</translation>
    </message>
    <message>
        <source>Edit this message; the old one stays as a branch</source>
        <translation>Diese Nachricht bearbeiten; die alte bleibt als Zweig</translation>
    </message>
    <message>
        <source>Again</source>
        <translation>Nochmal</translation>
    </message>
    <message>
        <source>Another reply; the old one stays as a branch</source>
        <translation>Andere Antwort; die alte bleibt als Zweig</translation>
    </message>
    <message>
        <source>More for this message</source>
        <translation>Mehr zu dieser Nachricht</translation>
    </message>
    <message>
        <source>Attached: %1</source>
        <translation>Angehängt: %1</translation>
    </message>
    <message>
        <source>Branch %1 of %2</source>
        <translation>Zweig %1 von %2</translation>
    </message>
    <message>
        <source>You said</source>
        <translation>Sie sagten</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>Antwort</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>Überlegung</translation>
    </message>
    <message numerus="yes">
        <source>Reasoning… %n word(s)</source>
        <translation>
            <numerusform>Überlegt … %n Wort</numerusform>
            <numerusform>Überlegt … %n Wörter</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Reasoning, %n word(s)</source>
        <translation>
            <numerusform>Überlegung, %n Wort</numerusform>
            <numerusform>Überlegung, %n Wörter</numerusform>
        </translation>
    </message>
    <message>
        <source>Show the reasoning</source>
        <translation>Überlegung zeigen</translation>
    </message>
    <message>
        <source>Waiting for room in the device&apos;s memory…</source>
        <translation>Wartet auf Platz im Speicher des Geräts …</translation>
    </message>
    <message>
        <source>Waiting for other replies…</source>
        <translation>Wartet auf andere Antworten …</translation>
    </message>
    <message>
        <source>Reading %1 of %2 tokens…</source>
        <translation>Liest %1 von %2 Tokens …</translation>
    </message>
    <message>
        <source>…</source>
        <translation>…</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) had no room in the context.</source>
        <translation>
            <numerusform>Die älteste Nachricht hatte keinen Platz im Kontext.</numerusform>
            <numerusform>Die ältesten %n Nachrichten hatten keinen Platz im Kontext.</numerusform>
        </translation>
    </message>
    <message>
        <source>Your message: %1</source>
        <translation>Ihre Nachricht: %1</translation>
    </message>
    <message>
        <source>Reply: %1</source>
        <translation>Antwort: %1</translation>
    </message>
    <message>
        <source> · %1 tokens/s</source>
        <translation> · %1 Tokens/s</translation>
    </message>
    <message>
        <source> · first after %1 s</source>
        <translation> · erstes nach %1 s</translation>
    </message>
    <message>
        <source> · prompt %1: %2 kept, %3 from the cache, %4 computed</source>
        <translation> · Prompt %1: %2 behalten, %3 aus dem Cache, %4 gerechnet</translation>
    </message>
    <message numerus="yes">
        <source>%n token(s)</source>
        <translation>
            <numerusform>%n Token</numerusform>
            <numerusform>%n Tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::ModelsPage</name>
    <message>
        <source>bundled</source>
        <translation>beigelegt</translation>
    </message>
    <message>
        <source>folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>Models on this machine, read where they lie: nothing is copied.</source>
        <translation>Modelle auf diesem Rechner, gelesen, wo sie liegen: Nichts wird kopiert.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <source>Needs on the device</source>
        <translation>Braucht auf dem Gerät</translation>
    </message>
    <message>
        <source>Fits</source>
        <translation>Passt</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Room for tokens</source>
        <translation>Platz für Tokens</translation>
    </message>
    <message>
        <source>as much as fits well</source>
        <translation>so viel, wie gut passt</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 Tokens</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>Laden</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Neu suchen</translation>
    </message>
    <message>
        <source>Look in a folder…</source>
        <translation>In einem Ordner suchen …</translation>
    </message>
    <message>
        <source>Device:</source>
        <translation>Gerät:</translation>
    </message>
    <message>
        <source>Room for:</source>
        <translation>Platz für:</translation>
    </message>
    <message>
        <source>Offline: this program makes no connection, ever</source>
        <translation>Offline: Dieses Programm stellt nie eine Verbindung her</translation>
    </message>
    <message>
        <source>Download from Hugging Face</source>
        <translation>Von Hugging Face herunterladen</translation>
    </message>
    <message>
        <source>Repository</source>
        <translation>Repositorium</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Herunterladen</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pause</translation>
    </message>
    <message>
        <source>cannot be opened</source>
        <translation>kann nicht geöffnet werden</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>ja</translation>
    </message>
    <message>
        <source>in part: slower</source>
        <translation>zum Teil: langsamer</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>Wird gelesen …</translation>
    </message>
    <message>
        <source>%1, %2 parameters, made for %3 tokens; weights %4, keys and values %5, working memory %6.</source>
        <translation>%1, %2 Parameter, für %3 Tokens gemacht; Gewichte %4, Schlüssel und Werte %5, Arbeitsspeicher %6.</translation>
    </message>
    <message>
        <source>It was not taught to converse: it goes on with what you write.</source>
        <translation>Es hat nicht gelernt, Gespräche zu führen: Es schreibt fort, was Sie schreiben.</translation>
    </message>
    <message>
        <source>The device has %1 free: the last layers would stay in the host&apos;s memory.</source>
        <translation>Das Gerät hat %1 frei: Die letzten Schichten blieben im Hauptspeicher.</translation>
    </message>
    <message>
        <source>Look in a folder</source>
        <translation>In einem Ordner suchen</translation>
    </message>
    <message>
        <source>the best</source>
        <translation>das beste</translation>
    </message>
    <message>
        <source>%1, %2 free</source>
        <translation>%1, %2 frei</translation>
    </message>
    <message>
        <source>%1, loaded</source>
        <translation>%1, geladen</translation>
    </message>
    <message>
        <source>This build has no libcurl: install libcurl4-openssl-dev and build again.</source>
        <translation>Dieser Build hat kein libcurl: Installieren Sie libcurl4-openssl-dev und bauen Sie neu.</translation>
    </message>
    <message>
        <source>Write OWNER/NAME, or OWNER/NAME:TYPE such as ggml-org/gemma-3-270m-it-GGUF:Q8_0.</source>
        <translation>Schreiben Sie OWNER/NAME oder OWNER/NAME:TYPE, etwa ggml-org/gemma-3-270m-it-GGUF:Q8_0.</translation>
    </message>
    <message>
        <source>paused; Download goes on</source>
        <translation>angehalten; Herunterladen setzt fort</translation>
    </message>
    <message>
        <source>%1. What had come was thrown away; Download tries again.</source>
        <translation>%1. Was gekommen war, wurde verworfen; Herunterladen versucht es erneut.</translation>
    </message>
    <message>
        <source>Not found: %1</source>
        <translation>Nicht gefunden: %1</translation>
    </message>
    <message>
        <source>%1. What has come is kept; Download goes on with it.</source>
        <translation>%1. Was gekommen ist, bleibt; Herunterladen setzt es fort.</translation>
    </message>
</context>
<context>
    <name>pumice_chat::PaletteDialog</name>
    <message>
        <source>Commands</source>
        <translation>Befehle</translation>
    </message>
    <message>
        <source>A command or a chat</source>
        <translation>Ein Befehl oder ein Chat</translation>
    </message>
    <message>
        <source>Chat: %1</source>
        <translation>Chat: %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::SettingsPanel</name>
    <message>
        <source>Settings of this chat</source>
        <translation>Einstellungen dieses Chats</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>Systemprompt</translation>
    </message>
    <message>
        <source>What the model is told beforehand</source>
        <translation>Was dem Modell vorab gesagt wird</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>Überlegung</translation>
    </message>
    <message>
        <source>As the model does</source>
        <translation>Wie das Modell es tut</translation>
    </message>
    <message>
        <source>On</source>
        <translation>An</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>Sampling as the model&apos;s file says</source>
        <translation>Sampling nach der Modelldatei</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Vorgabe</translation>
    </message>
    <message>
        <source>Own</source>
        <translation>Eigene</translation>
    </message>
    <message>
        <source>Exact</source>
        <translation>Genau</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>Ausgewogen</translation>
    </message>
    <message>
        <source>Lively</source>
        <translation>Lebhaft</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>Temperatur</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>Penalty of repetition</source>
        <translation>Strafe für Wiederholung</translation>
    </message>
    <message>
        <source>Most tokens of a reply</source>
        <translation>Höchstens Tokens je Antwort</translation>
    </message>
    <message>
        <source>until it ends</source>
        <translation>bis sie endet</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>drawn anew</source>
        <translation>neu gezogen</translation>
    </message>
    <message>
        <source>JSON Schema of the reply</source>
        <translation>JSON-Schema der Antwort</translation>
    </message>
    <message>
        <source>This is no JSON yet, and not used.</source>
        <translation>Das ist noch kein JSON und wird nicht benutzt.</translation>
    </message>
    <message>
        <source>Keep…</source>
        <translation>Behalten …</translation>
    </message>
    <message>
        <source>Keep these settings as a preset</source>
        <translation>Diese Einstellungen als Vorlage behalten</translation>
    </message>
    <message>
        <source>Keep as a preset</source>
        <translation>Als Vorlage behalten</translation>
    </message>
    <message>
        <source>Its name</source>
        <translation>Ihr Name</translation>
    </message>
    <message>
        <source>A name has letters, digits, spaces, “-” and “_”.</source>
        <translation>Ein Name hat Buchstaben, Ziffern, Leerzeichen, „-“ und „_“.</translation>
    </message>
    <message>
        <source>It could not be kept: %1</source>
        <translation>Sie ließ sich nicht behalten: %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::TextPiece</name>
    <message>
        <source>Text</source>
        <translation>Text</translation>
    </message>
</context>
</TS>
